"""Streams a body into the object store: all of it or nothing, and never into memory."""

from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from uuid import uuid4

import obstore
from starlette.requests import Request

from services.api.http.problems import UnsupportedMediaType
from shared.storage.store import Storage

ZIP = "application/zip"
PARTS_AT_A_TIME = 2
"""Parts of 5 MiB that are held while they are on their way to the store."""


@dataclass(frozen=True, slots=True)
class StoredBody:
    key: str
    sha256: bytes


class _Body:
    """The body of a request as a stream that remembers its hash, and why it broke off.

    The store reports a break in its own words; ours are wanted by whoever answers.
    """

    def __init__(self, request: Request) -> None:
        self._request = request
        self.sha256 = sha256()
        self.error: Exception | None = None

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            async for chunk in self._request.stream():
                if chunk:
                    self.sha256.update(chunk)
                    yield chunk
        except Exception as error:
            self.error = error
            raise


def require_zip(request: Request) -> None:
    declared = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if declared != ZIP:
        raise UnsupportedMediaType(ZIP)


async def store_body(request: Request, storage: Storage, prefix: str) -> StoredBody:
    """The body, stored under a fresh key.

    Raises:
        ClientDisconnect: when the caller goes away half-way; nothing is stored then.
        HTTPException: 413, when the body is too large; nothing is stored then.
    """
    key = f"{prefix}/{uuid4()}.zip"
    body = _Body(request)
    try:
        await obstore.put_async(storage.backend, key, body, max_concurrency=PARTS_AT_A_TIME)
    except Exception as error:  # noqa: BLE001  # raised again, in our own words if there are any
        raise body.error or error from None
    return StoredBody(key, body.sha256.digest())


@contextmanager
def kept_only_if_done(storage: Storage, key: str) -> Iterator[None]:
    """Removes the stored body again when what is done with it comes to nothing."""
    try:
        yield
    except BaseException:
        storage.delete([key])
        raise
