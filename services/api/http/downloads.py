"""Responses with the bytes of a stored document: all of them, a range, or 304 Not Modified."""

from collections.abc import Callable, Iterator
from itertools import chain
from time import monotonic
from urllib.parse import quote

from starlette.concurrency import iterate_in_threadpool, run_in_threadpool
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from services.api.http.byte_ranges import (
    ByteRange,
    UnsatisfiableRangeError,
    matches_entity_tag,
    parse_single_range,
)
from services.api.http.problem_types import Problem
from shared.documents.models import Document
from shared.storage.store import Storage

RECHECK_SECONDS = 1.0
"""How often access is checked again during a download, before the next chunk is sent."""


class AccessRevokedError(Exception):
    """Access was revoked during a download; the response is aborted."""


class StoredContentResponse(StreamingResponse):
    """A stream that opens the object when the response is sent, after the transaction has ended.

    It reads the first chunk before the status line, so that an error of the object store still
    becomes a problem.
    """

    def __init__(self, chunks: Iterator[bytes], status: int, headers: dict[str, str]) -> None:
        super().__init__((), status, headers)
        self._chunks = chunks

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        first = await run_in_threadpool(next, self._chunks, b"")
        self.body_iterator = iterate_in_threadpool(chain((first,), self._chunks))
        await super().__call__(scope, receive, send)


def recheck_access(
    chunks: Iterator[bytes], is_allowed: Callable[[], bool], interval: float = RECHECK_SECONDS
) -> Iterator[bytes]:
    """Yield the chunks while access is allowed, checked every `interval` seconds.

    Raises:
        AccessRevokedError: when it is no longer allowed; a client sees an incomplete body.
    """
    checked_at = monotonic()
    for chunk in chunks:
        if monotonic() - checked_at >= interval:
            if not is_allowed():
                raise AccessRevokedError
            checked_at = monotonic()
        yield chunk


def metadata_headers(document: Document) -> dict[str, str]:
    """Return the headers of a response without the bytes: not the file name, which has a name."""
    return {
        "Content-Type": document.media_type,
        "ETag": entity_tag(document),
        "Accept-Ranges": "bytes",
    }


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
    document: Document,
    storage: Storage,
    is_allowed: Callable[[], bool],
    *,
    range_header: str | None = None,
    if_range: str | None = None,
    if_none_match: str | None = None,
) -> Response:
    """Return the response to a conditional or range request for a document.

    `is_allowed` is called while the bytes are sent, in a thread and outside the request's
    transaction.

    Raises:
        Problem: `rangeNotSatisfiable` for a range outside the document.
    """
    headers = metadata_headers(document)
    if if_none_match is not None and matches_entity_tag(if_none_match, headers["ETag"]):
        return Response(status_code=304, headers=headers)
    headers["Content-Disposition"] = content_disposition(document.file_name)
    requested = None
    if range_header is not None and if_range in {None, headers["ETag"]}:
        requested = _requested_range(range_header, document.byte_size)
    sent = requested or ByteRange(0, document.byte_size)
    headers["Content-Length"] = str(sent.end - sent.start)
    if requested is not None:
        headers["Content-Range"] = f"bytes {sent.start}-{sent.end - 1}/{document.byte_size}"
    chunks = recheck_access(
        storage.stream_segments(document.segments, sent.start, sent.end), is_allowed
    )
    return StoredContentResponse(chunks, 200 if requested is None else 206, headers)


def _requested_range(range_header: str, size: int) -> ByteRange | None:
    try:
        return parse_single_range(range_header, size)
    except UnsatisfiableRangeError:
        raise Problem(
            "rangeNotSatisfiable",
            "The range lies outside the document.",
            headers={"Content-Range": f"bytes */{size}"},
        ) from None
