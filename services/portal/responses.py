"""Headers that every response of the portal has, and the files of its pages."""

from gzip import compress
from http import HTTPStatus

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.portal.pages import ASSETS, SECURITY_HEADERS

STRICT_TRANSPORT = "max-age=31536000; includeSubDomains"
_COMPRESSED = {name: compress(content, mtime=0) for name, (_, content) in ASSETS.items()}


class SecurityHeaders:
    """Adds the headers for browsers to every response that has no other ones."""

    def __init__(self, app: ASGIApp, *, is_https: bool) -> None:
        self.app = app
        self._headers = dict(SECURITY_HEADERS)
        if is_https:
            self._headers["Strict-Transport-Security"] = STRICT_TRANSPORT

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in self._headers.items():
                    headers.setdefault(name, value)
            await send(message)

        await self.app(scope, receive, send_with_headers)


async def send_asset(request: Request) -> Response:
    """Send a file of the pages; its URL changes with its bytes, so that a browser keeps it."""
    name = request.path_params["name"]
    if name not in ASSETS:
        return Response(status_code=HTTPStatus.NOT_FOUND)
    media_type, content = ASSETS[name]
    headers = {
        "Cache-Control": "public, max-age=31536000, immutable",
        "Vary": "Accept-Encoding",
        "Content-Type": media_type,
    }
    if "gzip" in request.headers.get("Accept-Encoding", ""):
        return Response(_COMPRESSED[name], headers=headers | {"Content-Encoding": "gzip"})
    return Response(content, headers=headers)
