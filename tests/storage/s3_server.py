"""A server of the S3 protocol, and a proxy in front of it that injects faults."""

import http.client
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import urlsplit

import boto3

START_SECONDS = 30
BUCKET = "toetsfeedback"
CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "tests",
    "AWS_SECRET_ACCESS_KEY": "tests",
    "AWS_REGION": "eu-west-1",
    "AWS_ALLOW_HTTP": "true",
}

Fault = str
"""`error`, `full`, `denied`, `hang`, `slow` or `cut`; with an empty text the request is forwarded.

A slow request is forwarded after the time of a hanging one.
"""

REFUSALS: dict[Fault, tuple[int, dict[str, str], bytes]] = {
    "error": (500, {}, b""),
    "full": (507, {}, b""),
    "denied": (403, {}, b"<Error><Code>AccessDenied</Code></Error>"),
}


@contextmanager
def s3_server() -> Iterator[str]:
    """Start a server with one empty bucket in another process, and yield its address."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        endpoint = f"http://127.0.0.1:{port}"
        _wait_for_connection(port)
        boto3.client(
            "s3",
            endpoint_url=endpoint,
            region_name=CREDENTIALS["AWS_REGION"],
            aws_access_key_id="tests",
            aws_secret_access_key="tests",
        ).create_bucket(
            Bucket=BUCKET,
            CreateBucketConfiguration={"LocationConstraint": "eu-west-1"},
        )
        yield endpoint
    finally:
        process.terminate()
        process.wait(timeout=10)


def _wait_for_connection(port: int) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise AssertionError("the S3 server did not start")


def new_storage_url() -> str:
    """Return the URL of an unused prefix in the bucket."""
    return f"s3://{BUCKET}/{os.urandom(4).hex()}"


class FailingProxy(ThreadingHTTPServer):
    """A proxy that injects the fault that `fault` returns for the method of a request."""

    daemon_threads = True

    def __init__(self, upstream: str, hang_seconds: float) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.upstream = urlsplit(upstream).netloc
        self.hang_seconds = hang_seconds
        self.fault: Callable[[str], Fault] = lambda _: ""
        self.faults_made: list[Fault] = []
        """The faults that were injected so far."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Report an error, but not that a client has gone."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


@contextmanager
def failing_proxy(upstream: str, hang_seconds: float = 2.0) -> Iterator[FailingProxy]:
    with FailingProxy(upstream, hang_seconds) as proxy:
        Thread(target=proxy.serve_forever, daemon=True).start()
        yield proxy
        proxy.shutdown()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: FailingProxy

    def _serve(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        fault = self.server.fault(self.command)
        if fault:
            self.server.faults_made.append(fault)
        if fault in REFUSALS:
            self._respond(*REFUSALS[fault])
        elif fault == "hang":
            time.sleep(self.server.hang_seconds)
            self.close_connection = True
        else:
            if fault == "slow":
                time.sleep(self.server.hang_seconds)
            self._forward(body, cut=fault == "cut")

    def _forward(self, body: bytes, *, cut: bool) -> None:
        """Forward the request; with `cut`, send half of the response, or none if it is empty."""
        connection = http.client.HTTPConnection(self.server.upstream, timeout=30)
        connection.request(self.command, self.path, body, dict(self.headers))
        response = connection.getresponse()
        content = response.read()
        connection.close()
        headers = {
            n: v for n, v in response.getheaders() if n.lower() not in {"connection", "date"}
        }
        if self.command != "HEAD":
            headers["Content-Length"] = str(len(content))
        if content or not cut:
            self._respond(
                response.status, headers, content[: len(content) // 2] if cut else content
            )
        self.close_connection |= cut

    def _respond(self, status: int, headers: dict[str, str], content: bytes) -> None:
        with suppress(ConnectionError):
            self.send_response(status)
            for name, value in ({"Content-Length": str(len(content))} | headers).items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the base's name
        """Log nothing."""

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = _serve  # noqa: N815  # names of the base
