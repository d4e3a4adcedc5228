import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from shared.core.errors import ConfigurationError
from shared.storage.store import (
    CHUNK_BYTES,
    Segment,
    Storage,
    StoredObjectMissingError,
    open_storage,
)


def test_a_stored_object_is_read_back_completely(storage: Storage) -> None:
    content = bytes(range(256)) * (CHUNK_BYTES // 128)
    storage.put("a/b", content)
    assert storage.read("a/b") == content
    assert list(map(len, storage.stream("a/b"))) == [CHUNK_BYTES, CHUNK_BYTES]


def test_a_range_has_exactly_its_bytes(storage: Storage) -> None:
    storage.put("range", b"0123456789")
    assert b"".join(storage.stream("range", 2, 5)) == b"234"
    assert b"".join(storage.stream("range", 9, 10)) == b"9"


@pytest.mark.parametrize("start", [0, 1, 4, 5, 8])
@pytest.mark.parametrize("end", [None, 0, 2, 5, 8])
def test_segments_are_concatenated(storage: Storage, start: int, end: int | None) -> None:
    storage.put("letters", b"abcdefgh")
    storage.put("digits", b"0123")
    segments = [Segment("letters", 2, 5), Segment("digits", 1, 2), Segment("letters", 0, 1)]
    assert b"".join(storage.stream_segments(segments, start, end)) == b"cdefg12a"[start:end]


def test_the_error_names_a_missing_object(storage: Storage) -> None:
    with pytest.raises(StoredObjectMissingError, match="no/such/key"):
        storage.read("no/such/key")
    with pytest.raises(StoredObjectMissingError, match="no/such/key"):
        list(storage.stream("no/such/key", 0, 4))


def test_deleting_twice_is_no_error(storage: Storage) -> None:
    storage.put("gone", b"x")
    storage.delete(["gone"])
    storage.delete(["gone"])
    assert not storage.exists("gone")


def test_the_error_names_an_invalid_directory(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigurationError, match="file/store"):
        open_storage(f"file://{tmp_path}/file/store")


def test_another_scheme_is_rejected() -> None:
    with pytest.raises(ConfigurationError, match="file:// or s3://"):
        open_storage("http://localhost/x")


def test_keys_are_filtered_by_prefix_and_age(storage: Storage) -> None:
    for key in ("a/one", "a/two", "b/three"):
        storage.put(key, b"x")
    an_hour = timedelta(hours=1)
    assert sorted(storage.keys("a")) == ["a/one", "a/two"]
    assert sorted(storage.keys()) == ["a/one", "a/two", "b/three"]
    assert list(storage.keys("a", datetime.now(UTC) - an_hour)) == []
    assert sorted(storage.keys("a", datetime.now(UTC) + an_hour)) == ["a/one", "a/two"]


def test_only_half_written_files_of_a_killed_writer_are_removed(tmp_path: Path) -> None:
    storage = open_storage(tmp_path.as_uri())
    program = (
        "import os, signal, sys\n"
        "from shared.storage.store import open_storage\n"
        "def parts():\n"
        "    yield b'x' * 12_000_000\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
        "open_storage(sys.argv[1]).put('deliveries/half.zip', parts())\n"
    )
    subprocess.run([sys.executable, "-c", program, tmp_path.as_uri()], check=False)
    storage.put("a/whole#1.zip", b"x")
    partial = tmp_path / "deliveries" / "half.zip#1"
    assert partial.exists()
    assert list(storage.keys()) == ["a/whole#1.zip"]
    now = datetime.now(UTC)
    assert storage.remove_partial_files(now - timedelta(hours=1)) == 0
    assert storage.remove_partial_files(now + timedelta(hours=1)) == 1
    assert not partial.exists()
    assert list(storage.keys()) == ["a/whole#1.zip"]


def test_a_large_object_is_written_in_parts(storage: Storage) -> None:
    parts = [bytes([number]) * CHUNK_BYTES for number in range(12)]
    storage.put("large", iter(parts))
    assert list(storage.stream("large")) == parts


def test_an_available_store_passes_its_check(storage: Storage) -> None:
    storage.check()


def test_a_directory_name_may_have_a_space_and_an_accent(tmp_path: Path) -> None:
    directory = tmp_path / "a directory, é"
    open_storage(directory.as_uri()).put("key", b"x")
    assert (directory / "key").read_bytes() == b"x"


def test_other_users_of_the_machine_cannot_enter_a_new_directory(tmp_path: Path) -> None:
    """Objects have the modes of the umask, and uploads contain every INSZ."""
    directory = tmp_path / "objects"
    before = os.umask(0o022)
    try:
        open_storage(directory.as_uri())
    finally:
        os.umask(before)
    assert directory.stat().st_mode & 0o777 == 0o750
