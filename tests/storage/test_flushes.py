"""Objects in a directory are on the disk when the call that stores them returns."""

from pathlib import Path

import pytest
from obstore.exceptions import BaseError

from shared.storage.batches import DirectoryFlusher, WriteBatch
from shared.storage.store import Storage, open_storage
from tests.flushes import Flushes


@pytest.fixture
def directory(tmp_path: Path) -> Storage:
    return open_storage((tmp_path / "objects").as_uri())


def test_an_object_and_its_new_directories_are_flushed(
    directory: Storage, tmp_path: Path, flushes: Flushes
) -> None:
    root = tmp_path / "objects"
    directory.put("documents/2024/000001/a.zip", b"x")
    parents = [root / "documents/2024/000001", root / "documents/2024", root / "documents", root]
    assert flushes.paths == [str(root / "documents/2024/000001/a.zip"), *map(str, parents)]


def test_a_batch_flushes_each_object_and_each_directory_once(
    directory: Storage, tmp_path: Path, flushes: Flushes
) -> None:
    root = tmp_path / "objects"
    directory.put("first", b"x")
    flushes.paths.clear()
    with directory.batch() as batch:
        for number in range(9):
            batch.put(f"school/{number}", b"x")
    objects = [str(root / "school" / str(number)) for number in range(9)]
    assert sorted(flushes.paths[:9]) == objects
    assert flushes.paths[9:] == [str(root / "school"), str(root)]


def test_a_batch_ends_with_the_error_of_a_flush(directory: Storage, tmp_path: Path) -> None:
    batch = directory.batch()
    (tmp_path / "objects" / "taken").mkdir()
    with pytest.raises(BaseError), batch:
        batch.put("taken", b"x")
    flusher = DirectoryFlusher(tmp_path / "objects")
    batch = WriteBatch(lambda _key, _content: None, flusher)  # a store that loses what it is given
    with pytest.raises(FileNotFoundError), batch:
        batch.put("lost", b"x")


def test_an_object_that_is_written_once_has_its_content_before_its_name(
    directory: Storage, tmp_path: Path, flushes: Flushes
) -> None:
    assert directory.put_new("heads/1.json", b"{}")
    content = next(i for i, path in enumerate(flushes.paths) if "1.json#" in path)
    assert "1.json" not in flushes.listings[content]
    assert flushes.paths[-1] == str(tmp_path / "objects" / "heads")
    assert not directory.put_new("heads/1.json", b"other")
    assert directory.read("heads/1.json") == b"{}"
    assert list(directory.keys()) == ["heads/1.json"]
