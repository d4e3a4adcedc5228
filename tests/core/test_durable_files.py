"""Files whose content and directory entries are flushed before the call returns."""

import stat
from pathlib import Path

import pytest

from shared.core.durable_files import make_directory_durably, write_durably
from tests.flushes import Flushes


def test_a_file_is_flushed_before_it_has_its_name_and_its_directory_after(
    tmp_path: Path, flushes: Flushes
) -> None:
    write_durably(tmp_path / "key.pem", b"key")
    content, entries = flushes.paths
    assert content.startswith(f"{tmp_path}/key.pem#")
    assert entries == str(tmp_path)
    assert flushes.listings[0] == [content.rpartition("/")[2]]
    assert [path.name for path in tmp_path.iterdir()] == ["key.pem"]
    assert stat.S_IMODE((tmp_path / "key.pem").stat().st_mode) == 0o600


def test_an_existing_file_is_replaced_or_kept_as_a_whole(tmp_path: Path) -> None:
    file = tmp_path / "key.pem"
    write_durably(file, b"first")
    with pytest.raises(FileExistsError):
        write_durably(file, b"second", overwrite=False)
    assert file.read_bytes() == b"first"
    write_durably(file, b"second")
    assert file.read_bytes() == b"second"
    assert list(tmp_path.iterdir()) == [file]


def test_each_new_directory_is_flushed_into_its_parent(tmp_path: Path, flushes: Flushes) -> None:
    make_directory_durably(tmp_path / "a" / "b")
    assert flushes.paths == [str(tmp_path), str(tmp_path / "a")]
    make_directory_durably(tmp_path / "a" / "b")
    assert len(flushes.paths) == 2
