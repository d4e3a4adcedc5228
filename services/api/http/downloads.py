"""Answers with the bytes of a stored document: whole, in part, or not at all when unchanged."""

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
    any_matches,
    single_range,
)
from shared.core.errors import OWN, Problem
from shared.documents.models import Document
from shared.storage.store import Storage

ASK_AGAIN_SECONDS = 1.0
"""After so long a running download is decided on again before its next chunk goes out."""


class NoLongerAllowedError(Exception):
    """What the download was allowed by has ended; the answer breaks off."""


class StoredContent(StreamingResponse):
    """Opens the object only when the answer goes out: the transaction has ended by then.

    What is wrong with the store shows at the first chunk, while a problem can still be answered
    with instead.
    """

    def __init__(self, chunks: Iterator[bytes], status: int, headers: dict[str, str]) -> None:
        super().__init__((), status, headers)
        self._chunks = chunks

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        first = await run_in_threadpool(next, self._chunks, b"")
        self.body_iterator = iterate_in_threadpool(chain((first,), self._chunks))
        await super().__call__(scope, receive, send)


def watched(
    chunks: Iterator[bytes], may_go_on: Callable[[], bool], every: float = ASK_AGAIN_SECONDS
) -> Iterator[bytes]:
    """The chunks, until one is due when reading is not allowed any more.

    Raises:
        NoLongerAllowedError: instead of that chunk; a body that is too short shows as broken off.
    """
    asked = monotonic()
    for chunk in chunks:
        if monotonic() - asked >= every:
            if not may_go_on():
                raise NoLongerAllowedError
            asked = monotonic()
        yield chunk


def content_headers(document: Document) -> dict[str, str]:
    return {
        "Content-Type": document.media_type,
        "Content-Disposition": attachment(document.file_name),
        "ETag": entity_tag(document),
        "Accept-Ranges": "bytes",
    }


def entity_tag(document: Document) -> str:
    return f'"{document.sha256.hex()}"'


def attachment(file_name: str) -> str:
    """A `Content-Disposition` (RFC 6266): the name as it is, and one for clients of old."""
    plain = "".join(
        character if character.isascii() and character.isprintable() else "_"
        for character in file_name
    )
    for special in '"\\/%':
        plain = plain.replace(special, "_")
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(file_name, safe='')}"


def answer_with_content(
    document: Document,
    storage: Storage,
    may_go_on: Callable[[], bool],
    *,
    range_header: str | None = None,
    if_range: str | None = None,
    if_none_match: str | None = None,
) -> Response:
    """Raises Problem 416 for a range outside the document.

    `may_go_on` is asked while the bytes go out, in a thread and outside the request's transaction.
    """
    headers = content_headers(document)
    if if_none_match is not None and any_matches(if_none_match, headers["ETag"]):
        return Response(status_code=304, headers=headers)
    whole = ByteRange(0, document.byte_size)
    asked = None
    if range_header is not None and if_range in {None, headers["ETag"]}:
        asked = _asked(range_header, document.byte_size)
    part = asked or whole
    headers["Content-Length"] = str(part.end - part.start)
    if asked is not None:
        headers["Content-Range"] = f"bytes {part.start}-{part.end - 1}/{document.byte_size}"
    chunks = storage.stream_segments(document.segments, part.start, part.end)
    return StoredContent(watched(chunks, may_go_on), 200 if asked is None else 206, headers)


def _asked(range_header: str, size: int) -> ByteRange | None:
    try:
        return single_range(range_header, size)
    except UnsatisfiableRangeError:
        raise Problem(
            f"{OWN}rangeNotSatisfiable",
            "Range Not Satisfiable",
            416,
            "The range lies outside the document.",
            headers={"Content-Range": f"bytes */{size}"},
        ) from None
