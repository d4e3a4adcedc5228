"""Responses with the bytes of a stored document: all of them, a range, or 304 Not Modified."""

from asyncio import sleep
from collections.abc import AsyncIterator, Callable, Iterator
from functools import partial
from time import monotonic
from urllib.parse import quote

import structlog
from starlette.requests import ClientDisconnect
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from services.api.http.byte_ranges import (
    ByteRange,
    UnsatisfiableRangeError,
    matches_entity_tag,
    parse_single_range,
)
from services.api.http.download_monitor import (
    AccessRevokedError,
    RunningDownload,
)
from services.api.http.problem_types import Problem
from services.api.http.problems import DocumentBeingRebuilt
from services.api.resources import Resources
from shared.core.deadlines import current_deadline
from shared.core.unit_of_work import UnitOfWork
from shared.documents.downloads import Download
from shared.documents.models import Document
from shared.documents.rebuilds.service import request_rebuild
from shared.storage.store import StoredObjectMissingError

logger = structlog.get_logger(__name__)

PIECE_BYTES = 128 * 1024
"""How much is given to the connection at a time, each time with a recent decision about access."""
OUTSIDE_PARTS = 8
"""A request for a range outside the document counts for one of so many parts of it."""


class StoredContentResponse(StreamingResponse):
    """A stream that opens the object when the response is sent, after the transaction has ended.

    It reads the first chunk before the status line, so that an error of the object store still
    becomes a problem. Access is asked about again while the bytes are sent. `complete` is
    called after the last byte was sent.
    """

    def __init__(
        self,
        resources: Resources,
        chunks: Iterator[bytes],
        download: Download,
        status: int,
        headers: dict[str, str],
        complete: Callable[[UnitOfWork], None] | None = None,
    ) -> None:
        super().__init__((), status, headers)
        self._complete = complete
        self._storage = resources.storage
        self._chunks = chunks
        self._reads = resources.store_reads
        self._monitor = resources.downloads
        self._download = download
        self._size = int(headers["Content-Length"])
        self._decided_at = monotonic()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002  # as ASGI calls it
        """Send the response in this task: a client that is gone is noticed at the next piece.

        Starlette waits for that in a second task, which a short download need not pay for.
        """
        state = scope["state"]
        running = RunningDownload(
            self._download, self._decided_at, state["abort_connection"], state["count_unsent"]
        )
        async with self._monitor.watch(running):
            chunk = await self._first_chunk()
            self.body_iterator = self._pieces(running, chunk, state["is_closing"])
            await self.stream_response(send)
            if running.is_ended:
                raise AccessRevokedError

    async def _first_chunk(self) -> bytes:
        """Read the first chunk, once it is known that no other object is missing.

        Raises:
            DocumentBeingRebuilt: when an object is not in the store; that is recorded.
        """
        document = self._download.document
        try:
            return await self._reads.run(self._read_first)
        except StoredObjectMissingError as error:
            logger.error("stored_object_missing", document_id=str(document.id))  # noqa: TRY400  # no fault of the code
            await self._monitor.record(partial(request_rebuild, document_id=document.id))
            raise DocumentBeingRebuilt from error

    def _read_first(self) -> bytes:
        segments = self._download.document.segments
        if len(segments) > 1:
            self._storage.require_stored(segments)
        return next(self._chunks, b"")

    async def _pieces(
        self, running: RunningDownload, chunk: bytes, is_closing: Callable[[], bool]
    ) -> AsyncIterator[memoryview]:
        while True:
            whole = memoryview(chunk)
            for start in range(0, len(whole), PIECE_BYTES):
                await self._monitor.require_access(running)
                if is_closing():
                    await sleep(0)  # until the server has noticed it too
                    raise ClientDisconnect
                piece = whole[start : start + PIECE_BYTES]
                running.given += len(piece)
                yield piece
            if running.given == self._size:
                break
            _restart_deadline()
            chunk = await self._reads.run(next, self._chunks)
        if self._complete is not None:
            await self._monitor.record(self._complete)


def _restart_deadline() -> None:
    """Give the next read of the store the time of a request."""
    limit = current_deadline()
    if limit is not None:
        limit.restart()


def metadata_headers(document: Document) -> dict[str, str]:
    """Return the headers of a response without the bytes: not the file name, which has a name."""
    return {
        "Content-Type": document.media_type,
        "ETag": entity_tag(document),
        "Accept-Ranges": "bytes",
    }


def head_response(document: Document, if_none_match: str | None) -> Response:
    """Return the response to a request for the headers of the content alone."""
    headers = metadata_headers(document)
    if _is_unchanged(document, if_none_match):
        return Response(status_code=304, headers=headers)
    return Response(headers=headers | {"Content-Length": str(document.byte_size)})


def entity_tag(document: Document) -> str:
    return f'"{document.sha256.hex()}"'


def content_disposition(file_name: str) -> str:
    """Return a `Content-Disposition` (RFC 6266) with the file name, and an ASCII form of it."""
    plain = "".join(
        character if character.isascii() and character.isprintable() else "_"
        for character in file_name
    )
    for special in '"\\/%':
        plain = plain.replace(special, "_")
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(file_name, safe='')}"


def content_response(
    download: Download,
    resources: Resources,
    *,
    range_header: str | None = None,
    if_range: str | None = None,
    if_none_match: str | None = None,
    complete: Callable[[UnitOfWork], None] | None = None,
) -> Response:
    """Return the response to a conditional or range request for a document.

    `complete` is called after the last byte of the document was sent.

    Raises:
        Problem: `rangeNotSatisfiable` for a range outside the document.
    """
    document = download.document
    headers = metadata_headers(document)
    if _is_unchanged(document, if_none_match):
        return Response(status_code=304, headers=headers)
    headers["Content-Disposition"] = content_disposition(document.file_name)
    requested = _requested_range(document, range_header, if_range)
    sent = requested or ByteRange(0, document.byte_size)
    headers["Content-Length"] = str(sent.end - sent.start)
    if requested is not None:
        headers["Content-Range"] = f"bytes {sent.start}-{sent.end - 1}/{document.byte_size}"
    chunks = resources.storage.stream_segments(document.segments, sent.start, sent.end)
    status = 200 if requested is None else 206
    at_end = complete if sent.end == document.byte_size else None
    return StoredContentResponse(resources, chunks, download, status, headers, at_end)


def _is_unchanged(document: Document, if_none_match: str | None) -> bool:
    return if_none_match is not None and matches_entity_tag(if_none_match, entity_tag(document))


def count_bytes(document: Document, range_header: str | None, if_range: str | None) -> int:
    """Return how many bytes of the document a request counts for: those of its response.

    A range outside the document counts for a part of it, so that such requests come to an end.
    """
    try:
        requested = _requested_range(document, range_header, if_range)
    except Problem:
        return 1 + document.byte_size // OUTSIDE_PARTS
    return requested.end - requested.start if requested else document.byte_size


def _requested_range(
    document: Document, range_header: str | None, if_range: str | None
) -> ByteRange | None:
    """Return the range of the document that is requested; None for the whole of it."""
    if range_header is None or if_range not in {None, entity_tag(document)}:
        return None
    size = document.byte_size
    try:
        return parse_single_range(range_header, size)
    except UnsatisfiableRangeError:
        raise Problem(
            "rangeNotSatisfiable",
            "The range lies outside the document.",
            headers={"Content-Range": f"bytes */{size}"},
        ) from None
