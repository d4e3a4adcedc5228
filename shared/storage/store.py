"""The object store: one interface for a directory and for S3, with atomic and durable writes."""

import errno
import os
import re
import shutil
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

import obstore
from obstore.exceptions import AlreadyExistsError, BaseError, GenericError, NotFoundError
from obstore.store import LocalStore, ObjectStore, S3Store

from shared.core.durable_files import make_directory_durably, write_durably
from shared.core.errors import ConfigurationError
from shared.storage.batches import DirectoryFlusher, WriteBatch
from shared.storage.store_errors import explain_store_error

CHUNK_BYTES = 1024 * 1024
"""The size of a chunk of a streamed object in memory."""

if TYPE_CHECKING:
    from obstore.store import ClientConfig, RetryConfig  # exist for type checkers only

CONNECT_TIMEOUT, TIMEOUT = "5s", "20s"
RETRY: "RetryConfig" = {"max_retries": 3, "retry_timeout": timedelta(seconds=20)}
"""Retries of brief failures; after a longer outage a job tries again later."""

MIN_FREE_BYTES = 64 * 1024 * 1024
"""A directory with less free space than this counts as full."""

USERS_OF_GROUP = 0o770
"""Mode of the directory of a store, less the umask: its processes may have different users.

Nobody else enters it: uploads and documents in it have the modes of the umask.
"""

UPLOAD_NOT_FOUND = "NoSuchUpload"
"""The S3 error when the response that completed an upload was lost: worth a retry."""

_PARTIAL_FILE = re.compile(r".+#[0-9]+")
"""The name that obstore gives a file until its object is complete."""


class BucketMissingError(Exception):
    """The bucket or directory does not exist; the message names it."""


class StoredObjectMissingError(Exception):
    """An object that is not in the store; the message names its key."""


STORE_UNAVAILABLE = (BaseError, StoredObjectMissingError)
"""Errors of the store, not of the request: a retry may succeed."""


@dataclass(frozen=True, slots=True)
class Segment:
    """A byte range of an object; the content of a document is a sequence of segments."""

    key: str
    offset: int
    size: int


class Storage:
    """Objects under opaque keys; a key is written once and never overwritten.

    An object is on the disk when the call that stores it returns. Errors of the store itself
    (unreachable, full) are raised as `obstore` exceptions, or as OSError.
    """

    def __init__(self, store: ObjectStore, url: str) -> None:
        self._store = store
        self._url = urlsplit(url)
        is_directory = self._url.scheme == "file"
        self._root = Path(unquote(self._url.path)) if is_directory else None
        self._flusher = DirectoryFlusher(self._root) if self._root else None

    @property
    def backend(self) -> ObjectStore:
        """Return the store of obstore, for asynchronous uploads."""
        return self._store

    def put(self, key: str, content: bytes | Path | Iterable[bytes]) -> None:
        """Store an object atomically and durably.

        Raises:
            BucketMissingError: when there is no such bucket.
        """
        self._write(key, content)
        self.flush(key)

    def batch(self) -> WriteBatch:
        """Return a batch for many objects: they are flushed together, at its end."""
        return WriteBatch(self._write, self._flusher)

    def flush(self, key: str) -> None:
        """Flush an object that was written with `backend` to the disk of a directory."""
        if self._flusher is not None:
            self._flusher.flush([key])

    def _write(self, key: str, content: bytes | Path | Iterable[bytes]) -> None:
        try:
            obstore.put(self._store, key, content)
        except (NotFoundError, FileNotFoundError) as error:
            if UPLOAD_NOT_FOUND in str(error):
                raise
            raise self._missing_bucket() from error

    def _missing_bucket(self) -> BucketMissingError:
        is_directory = self._url.scheme == "file"
        name = (
            f"the directory {self._url.path}" if is_directory else f"the bucket {self._url.netloc}"
        )
        return BucketMissingError(
            f"{name} does not exist: create it, or change TOETSFEEDBACK_STORAGE_URL"
        )

    def put_new(self, key: str, content: bytes) -> bool:
        """Store an object durably unless the key exists; return False if it does.

        Raises:
            BucketMissingError: when there is no such bucket.
        """
        if self._root is not None:
            return self._put_new_file(self._root / key, content)
        try:
            obstore.put(self._store, key, content, mode="create")
        except AlreadyExistsError:
            return False
        except (NotFoundError, FileNotFoundError) as error:
            raise self._missing_bucket() from error
        return True

    @staticmethod
    def _put_new_file(path: Path, content: bytes) -> bool:
        """Write a file that has its content from the moment it has its name.

        Its name says that it is written: an empty one would stay so.
        """
        make_directory_durably(path.parent)
        try:
            write_durably(path, content, overwrite=False)
        except FileExistsError:
            return False
        return True

    def read(self, key: str) -> bytes:
        return b"".join(self.stream(key))

    def stream(self, key: str, start: int = 0, end: int | None = None) -> Iterator[bytes]:
        """Yield the bytes from `start` up to but not including `end`, in chunks.

        Raises:
            StoredObjectMissingError: before the first chunk, when there is no such object.
        """
        try:
            if end is None:
                end = obstore.head(self._store, key)["size"]
            for offset in range(start, end, CHUNK_BYTES):
                yield self._range(key, offset, min(offset + CHUNK_BYTES, end))
        except (NotFoundError, FileNotFoundError) as error:
            raise StoredObjectMissingError(f"object {key} is not in the store") from error

    def _range(self, key: str, start: int, end: int) -> bytes:
        """Return a range; an object that is shorter, such as an empty file, counts as missing."""
        try:
            content = bytes(obstore.get_range(self._store, key, start=start, end=end))
        except GenericError:
            if obstore.head(self._store, key)["size"] >= end:
                raise
            content = b""
        if len(content) < end - start:
            raise StoredObjectMissingError(f"object {key} is shorter than it was")
        return content

    def require_stored(self, segments: Iterable[Segment]) -> None:
        """Check that the object of each segment exists.

        Raises:
            StoredObjectMissingError: for the first one that does not.
        """
        for segment in segments:
            if not self.exists(segment.key):
                raise StoredObjectMissingError(f"object {segment.key} is not in the store")

    def stream_segments(
        self, segments: Iterable[Segment], start: int = 0, end: int | None = None
    ) -> Iterator[bytes]:
        """Yield the bytes from `start` up to but not including `end` of concatenated segments."""
        for segment in segments:
            first, last = max(start, 0), segment.size if end is None else min(end, segment.size)
            if first < last:
                yield from self.stream(segment.key, segment.offset + first, segment.offset + last)
            start, end = start - segment.size, None if end is None else end - segment.size

    def exists(self, key: str) -> bool:
        try:
            obstore.head(self._store, key)
        except (NotFoundError, FileNotFoundError):
            return False
        return True

    def check(self) -> None:
        """Check that the store responds; its errors pass through.

        Raises:
            OSError: when it is a directory without free space.
        """
        obstore.list_with_delimiter(self._store, prefix="health")
        if self._root is not None and shutil.disk_usage(self._root).free < MIN_FREE_BYTES:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), self._root)

    def delete(self, keys: Iterable[str]) -> None:
        """Delete objects; an object that does not exist is no error."""
        for key in keys:
            try:
                obstore.delete(self._store, key)
            except (NotFoundError, FileNotFoundError):
                continue

    def keys(self, prefix: str = "", written_before: datetime | None = None) -> Iterator[str]:
        """Yield the keys with a prefix, or only those of objects written before an instant."""
        for batch in obstore.list(self._store, prefix=prefix or None):
            for entry in batch:
                if written_before is None or entry["last_modified"] < written_before:
                    yield entry["path"]

    def sizes(self, prefix: str) -> dict[str, int]:
        """Return the sizes in bytes of the objects below a directory, by key."""
        return {
            entry["path"]: entry["size"]
            for batch in obstore.list(self._store, prefix=prefix)
            for entry in batch
        }

    def remove_partial_files(self, written_before: datetime) -> int:
        """Delete the partial files that killed writers left in a directory; return their number.

        Listings do not contain these files. In S3 a lifecycle rule of the bucket does the same.
        """
        if self._root is None:
            return 0
        removed, limit = 0, written_before.timestamp()
        for path in self._root.rglob("*#*"):
            with suppress(FileNotFoundError):  # its writer has completed it meanwhile
                if _PARTIAL_FILE.fullmatch(path.name) and path.stat().st_mtime < limit:
                    path.unlink()
                    removed += 1
        return removed


def open_storage(url: str) -> Storage:
    """Open `file:///directory` (created if missing) or `s3://bucket/prefix`.

    S3 credentials, region and endpoint come from the usual `AWS_…` variables.

    Raises:
        ConfigurationError: for another scheme, or a directory that cannot be created.
    """
    parts = urlsplit(url)
    if parts.scheme == "file":
        try:
            make_directory_durably(Path(unquote(parts.path)), USERS_OF_GROUP)
            return Storage(LocalStore(unquote(parts.path)), url)
        except (OSError, ValueError) as error:
            raise ConfigurationError(
                f"the storage directory {parts.path} cannot be used: {explain_store_error(error)}"
            ) from error
    if parts.scheme == "s3":
        store = S3Store.from_url(url, client_options=_client_options(), retry_config=RETRY)
        return Storage(store, url)
    raise ConfigurationError("TOETSFEEDBACK_STORAGE_URL must start with file:// or s3://")


def _client_options() -> "ClientConfig":
    """Return the client options; they replace those of obstore from the environment."""
    plain_http = os.environ.get("AWS_ALLOW_HTTP", "").lower() in {"1", "true"}
    return {
        "connect_timeout": CONNECT_TIMEOUT,
        "timeout": os.environ.get("AWS_TIMEOUT", TIMEOUT),
        "allow_http": plain_http,
    }
