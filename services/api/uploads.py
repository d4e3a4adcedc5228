"""Streams a body into the object store: all of it or nothing, and never into memory."""

from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from uuid import uuid4

import obstore
from starlette.requests import Request

from services.api.problems import UnsupportedMediaType
from shared.storage.store import Storage

ZIP = "application/zip"
PARTS_AT_A_TIME = 2
"""Parts of 5 MiB that are held while they are on their way to the store."""


class _Body:
    """The body of a request as a stream that remembers why it broke off.

    The store reports a break in its own words; ours are wanted by whoever answers.
    """

    def __init__(self, request: Request) -> None:
        self._request = request
        self.error: Exception | None = None

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            async for chunk in self._request.stream():
                if chunk:
                    yield chunk
        except Exception as error:
            self.error = error
            raise


def require_zip(request: Request) -> None:
    declared = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if declared != ZIP:
        raise UnsupportedMediaType(ZIP)


async def store_body(request: Request, storage: Storage, prefix: str) -> str:
    """The fresh key under which the body is stored.

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
    return key


@contextmanager
def kept_only_if_done(storage: Storage, key: str) -> Iterator[None]:
    """Removes the stored body again when what is done with it fails."""
    try:
        yield
    except BaseException:
        storage.delete([key])
        raise
