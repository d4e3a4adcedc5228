"""A server that speaks the S3 protocol, and a proxy in front of it that makes it fail."""

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
"""`error`, `full`, `hang` or `cut`; an empty one lets the request pass."""


@contextmanager
def s3_server() -> Iterator[str]:
    """The address of a server with one empty bucket, in a process of its own."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        endpoint = f"http://127.0.0.1:{port}"
        _wait_until_answered(port)
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


def _wait_until_answered(port: int) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise AssertionError("the S3 server did not start")


def fresh_place() -> str:
    """The URL of an empty part of the bucket."""
    return f"s3://{BUCKET}/{os.urandom(4).hex()}"


class FailingProxy(ThreadingHTTPServer):
    """Stands in front of a server and does to each request what `fault` says of its method."""

    daemon_threads = True

    def __init__(self, upstream: str, hang_seconds: float) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.upstream = urlsplit(upstream).netloc
        self.hang_seconds = hang_seconds
        self.fault: Callable[[str], Fault] = lambda _: ""
        self.met: list[Fault] = []
        """The faults that were made so far."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


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
            self.server.met.append(fault)
        if fault in {"error", "full"}:
            self._answer(500 if fault == "error" else 507, {}, b"")
        elif fault == "hang":
            time.sleep(self.server.hang_seconds)
            self.close_connection = True
        else:
            self._pass_on(body, cut=fault == "cut")

    def _pass_on(self, body: bytes, *, cut: bool) -> None:
        """A request that is cut has done its work; its answer breaks off half-way, or stays out."""
        connection = http.client.HTTPConnection(self.server.upstream, timeout=30)
        connection.request(self.command, self.path, body, dict(self.headers))
        answer = connection.getresponse()
        content = answer.read()
        connection.close()
        kept = {n: v for n, v in answer.getheaders() if n.lower() not in {"connection", "date"}}
        if self.command != "HEAD":
            kept["Content-Length"] = str(len(content))
        if content or not cut:
            self._answer(answer.status, kept, content[: len(content) // 2] if cut else content)
        self.close_connection |= cut

    def _answer(self, status: int, headers: dict[str, str], content: bytes) -> None:
        with suppress(ConnectionError):
            self.send_response(status)
            for name, value in ({"Content-Length": str(len(content))} | headers).items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the base's name
        """Says nothing."""

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = _serve  # noqa: N815  # names of the base
