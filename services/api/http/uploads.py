"""Uploads: a request body is streamed to the object store, completely or not at all."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from uuid import uuid4

import obstore
from starlette.requests import Request

from services.api.http.problems import ServiceUnavailable, UnsupportedMediaType
from services.api.http.threads import run_in_thread
from shared.core.deadlines import current_deadline
from shared.storage.store import Storage

ZIP = "application/zip"
MAX_CONCURRENT_PARTS = 2
"""Parts of a multipart upload, of 5 MiB each, that are in memory at a time."""


@dataclass(frozen=True, slots=True)
class StoredBody:
    key: str
    sha256: bytes


class _Body:
    """The body of a request as a stream, with its SHA-256 and the error that ended it.

    The store wraps an error of the stream in its own; the exception handlers need the original.
    """

    def __init__(self, request: Request, limit: asyncio.Timeout) -> None:
        self._request = request
        self._limit = limit
        self._deadline = current_deadline()
        self._limit_store()  # it begins before it asks for the first chunk
        self.sha256 = sha256()
        self.error: Exception | None = None

    async def __aiter__(self) -> AsyncIterator[bytes]:
        self._limit.reschedule(None)
        try:
            async for chunk in self._request.stream():
                if chunk:
                    self.sha256.update(chunk)
                    self._limit_store()
                    yield chunk
                    self._limit.reschedule(None)
            self._limit_store()
        except Exception as error:
            self.error = error
            raise

    def _limit_store(self) -> None:
        """Give the store the time of a request; the client has limits of its own."""
        if self._deadline is not None:
            loop = asyncio.get_running_loop()
            self._limit.reschedule(loop.time() + self._deadline.seconds_left)


def require_zip(request: Request) -> None:
    declared = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if declared != ZIP:
        raise UnsupportedMediaType(ZIP)


async def store_body(request: Request, storage: Storage, prefix: str) -> StoredBody:
    """Store the body durably under a new key.

    Raises:
        ClientDisconnect: when the client disconnects; nothing is stored.
        HTTPException: 413, when the body is too large; nothing is stored.
        ServiceUnavailable: when the store takes a part too slowly.
    """
    key, parts = f"{prefix}/{uuid4()}.zip", MAX_CONCURRENT_PARTS
    try:
        async with asyncio.timeout(None) as limit:
            body = _Body(request, limit)
            try:
                await obstore.put_async(storage.backend, key, body, max_concurrency=parts)
            except Exception as error:  # noqa: BLE001  # raised again, as the original if there is one
                raise body.error or error from None
    except TimeoutError:
        raise ServiceUnavailable from None
    await run_in_thread(storage.flush, key)
    return StoredBody(key, body.sha256.digest())


@contextmanager
def delete_on_error(storage: Storage, key: str) -> Iterator[None]:
    """Delete the stored body when the block raises."""
    try:
        yield
    except BaseException:
        storage.delete([key])
        raise
