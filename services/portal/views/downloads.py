"""Downloads: the bytes of the API are passed on to the browser, with ranges."""

from asyncio import sleep
from collections.abc import Mapping
from http import HTTPStatus

import httpx
import structlog
from anyio import CancelScope
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from clients.python.errors import ApiRefusal
from services.portal.visits import Visit

logger = structlog.get_logger(__name__)

PASSED_ON = ("Range", "If-Range", "If-None-Match")
PASSED_BACK = (
    *("Content-Type", "Content-Length", "Content-Range", "Content-Disposition"),
    *("Accept-Ranges", "ETag"),
)
PDF = "application/pdf"
CHUNK_BYTES = 64 * 1024
VIEWER_POLICY = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"
"""The policy of a PDF file that the browser shows: it adds a style to its own viewer."""


class PassedOnDownload(StreamingResponse):
    """A download of the API. One that the API ends is aborted, without what is in buffers.

    The response of the API is closed at the end, also if the browser leaves. The garbage collector
    may not be the one that does so: it runs in any thread, also in one that has the lock of the
    connections, which would wait for itself.
    """

    def __init__(self, upstream: httpx.Response, headers: Mapping[str, str]) -> None:
        super().__init__(upstream.iter_raw(CHUNK_BYTES), upstream.status_code, headers)
        self._upstream = upstream

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        except httpx.HTTPError as error:
            logger.warning("download_ended", error=type(error).__name__)
            scope["state"]["abort_connection"]()
            await sleep(0)  # until the server has noticed it too
        finally:
            with CancelScope(shield=True):
                await run_in_threadpool(self._upstream.close)


def download_document(visit: Visit) -> Response:
    """Pass the bytes of a document on; `/bekijken` shows it in the browser."""
    path = f"/v1/documents/{visit.request.path_params['document_id']}/content"
    return pass_on(visit, path, is_shown=visit.request.url.path.endswith("/bekijken"))


def pass_on(visit: Visit, path: str, *, is_shown: bool = False) -> Response:
    """Pass the bytes at a path of the API on; a PDF file that is shown opens in the browser."""
    given = visit.request.headers
    sent = {name: given[name] for name in PASSED_ON if name in given and given[name].isascii()}
    try:
        response = visit.api.download(path, sent)
    except ApiRefusal as refusal:
        if refusal.status != HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
            raise
        return Response(status_code=refusal.status)
    headers = {name: response.headers[name] for name in PASSED_BACK if name in response.headers}
    is_shown = is_shown and headers.get("Content-Type") == PDF
    if is_shown and "Content-Disposition" in headers:  # it is not with 304
        headers["Content-Disposition"] = headers["Content-Disposition"].replace(
            "attachment", "inline", 1
        )
        headers["Content-Security-Policy"] = VIEWER_POLICY
    return PassedOnDownload(response, headers)
