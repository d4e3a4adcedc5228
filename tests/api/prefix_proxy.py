"""A reverse proxy on another address, which serves the API below a path, as docs/tls.md asks."""

import http.client
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

PREFIX = "/feedback"
METADATA = "/.well-known/oauth-authorization-server"
HOP_BY_HOP = {"connection", "transfer-encoding", "date", "server", "content-length"}


class PrefixProxy:
    """Forwards what is below the prefix without it, from 127.0.0.2 and with a `Host` of its own.

    The metadata of an issuer with a path are before that path (RFC 8414, section 3.1).
    """

    def __init__(self) -> None:
        self.backend_port = 0
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                proxy.forward(self)

            do_POST = do_GET  # noqa: N815  # the library's name

            def log_message(self, *_: object) -> None:
                """Write nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.root = f"http://127.0.0.1:{self._server.server_port}"
        self.public_url = self.root + PREFIX

    @contextmanager
    def running(self) -> Iterator[None]:
        thread = Thread(target=self._server.serve_forever, daemon=True)
        thread.start()
        yield
        self._server.shutdown()
        self._server.server_close()
        thread.join()

    def forward(self, handler: BaseHTTPRequestHandler) -> None:
        path = handler.path.removesuffix(PREFIX) if METADATA in handler.path else handler.path
        if path != METADATA and not path.startswith(f"{PREFIX}/"):
            handler.send_error(404)
            return
        body = handler.rfile.read(int(handler.headers.get("Content-Length", 0)))
        headers = {name: value for name, value in handler.headers.items() if name != "Host"}
        backend = http.client.HTTPConnection(
            "127.0.0.1", self.backend_port, source_address=("127.0.0.2", 0), timeout=30
        )
        target = path.removeprefix(PREFIX)
        backend.request(handler.command, target, body, headers | {"Host": "backend.internal"})
        response = backend.getresponse()
        content = response.read()
        backend.close()
        handler.send_response(response.status)
        for name, value in response.getheaders():
            if name.lower() not in HOP_BY_HOP:
                handler.send_header(name, value)
        handler.send_header("Content-Length", str(len(content)))
        handler.end_headers()
        handler.wfile.write(content)
