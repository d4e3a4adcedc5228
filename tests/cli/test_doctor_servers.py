"""`toetsfeedback doctor` names the cause and the remedy of each way in which a server fails."""

import os
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
import redis
from obstore.exceptions import GenericError
from pydantic import SecretStr

from shared.core.settings import Settings
from shared.storage.store_errors import explain_store_error
from tests.cli.doctor_findings import Doctor, statuses
from tests.storage.s3_server import CREDENTIALS, s3_server
from tests.valkey_server import PASSWORD, valkey


@contextmanager
def other_server(greeting: bytes) -> Iterator[int]:
    """Start a server of another protocol, which greets its clients; yield its port."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def greet() -> None:
            while True:
                try:
                    client, _ = listener.accept()
                except OSError:
                    return
                with client:
                    client.sendall(greeting)
                    time.sleep(0.3)

        thread = Thread(target=greet, daemon=True)
        thread.start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)
        thread.join(timeout=5)


def queue_finding(doctor: Doctor, settings: Settings, url: str) -> dict[str, str]:
    findings = doctor(settings, redis_url=SecretStr(url))
    assert statuses(findings, "failed") == {"queue"}
    assert PASSWORD not in str(findings)
    return findings["queue"]


@pytest.mark.parametrize(
    ("options", "url", "cause", "remedy"),
    [
        ((), "redis://:wrong@127.0.0.1:{port}/0", "refuses the login or its password", "correct"),
        ((), "redis://127.0.0.1:{port}/0", "refuses the login or its password", "correct"),
        ((), "redis://:{password}@127.0.0.1:{port}/99", "no database of this number", "correct"),
        (
            ("--replicaof", "127.0.0.1 1"),
            "redis://:{password}@127.0.0.1:{port}/0",
            "read-only replica",
            "primary server",
        ),
        (
            ("--maxmemory", "1", "--maxmemory-policy", "noeviction"),
            "redis://:{password}@127.0.0.1:{port}/0",
            "memory of the server is full",
            "maxmemory",
        ),
    ],
)
def test_a_queue_that_refuses_names_the_cause(
    doctor: Doctor,
    settings: Settings,
    tmp_path: Path,
    options: tuple[str, ...],
    url: str,
    cause: str,
    remedy: str,
) -> None:
    with valkey(tmp_path, *options) as port:
        found = queue_finding(doctor, settings, url.format(port=port, password=PASSWORD))
    assert f"127.0.0.1:{port}: " in found["detail"]
    assert cause in found["detail"]
    assert remedy in found["remedy"]


def test_a_login_of_the_queue_without_privileges_is_named(
    doctor: Doctor, settings: Settings, tmp_path: Path
) -> None:
    with valkey(tmp_path) as port:
        with redis.Redis(port=port, password=PASSWORD) as owner:
            owner.acl_setuser(
                "reader", enabled=True, passwords=[f"+{PASSWORD}"], commands=["+ping"]
            )
        url = f"redis://reader:{PASSWORD}@127.0.0.1:{port}/0"
        assert "may not use a command" in queue_finding(doctor, settings, url)["detail"]


@pytest.mark.parametrize(
    ("greeting", "cause"),
    [
        (b"SSH-2.0-Server\r\n", "neither Redis nor Valkey"),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "neither Redis nor Valkey"),
        (b"", "connection was closed"),
    ],
)
def test_another_server_than_redis_is_named(
    doctor: Doctor, settings: Settings, greeting: bytes, cause: str
) -> None:
    with other_server(greeting) as port:
        found = queue_finding(doctor, settings, f"redis://:{PASSWORD}@127.0.0.1:{port}/0")
    assert cause in found["detail"]
    assert "TOETSFEEDBACK_REDIS_URL" in found["remedy"]


@pytest.mark.parametrize(
    ("address", "cause"),
    [("127.0.0.1:1", "nothing listens there"), ("no-such-host.invalid", "has no address")],
)
def test_an_unreachable_queue_names_the_cause(
    doctor: Doctor, settings: Settings, address: str, cause: str
) -> None:
    found = queue_finding(doctor, settings, f"redis://:{PASSWORD}@{address}/0")
    assert cause in found["detail"]
    assert "TOETSFEEDBACK_REDIS_URL" in found["remedy"]


@pytest.mark.parametrize(
    ("greeting", "cause"),
    [(b"SSH-2.0-Server\r\n", "is not PostgreSQL"), (None, "nothing listens")],
)
def test_an_unusable_database_names_the_cause(
    doctor: Doctor, settings: Settings, greeting: bytes | None, cause: str
) -> None:
    with other_server(greeting or b"") as port:
        used = port if greeting else 1
        url = SecretStr(f"postgresql://owner:{PASSWORD}@127.0.0.1:{used}/toetsfeedback")
        findings = doctor(settings, database_url=url)
    assert statuses(findings, "failed") == {"database"}
    assert cause in findings["database"]["detail"]
    assert "TOETSFEEDBACK_DATABASE_URL" in findings["database"]["remedy"]
    assert PASSWORD not in str(findings)


def store_finding(doctor: Doctor, settings: Settings, url: str) -> dict[str, str]:
    findings = doctor(settings, storage_url=url)
    assert statuses(findings, "failed") == {"object store"}
    assert statuses(findings, "skipped") == {"objects", "documents", "audit log"}
    assert PASSWORD not in str(findings)
    return findings["object store"]


def test_a_missing_directory_is_named_and_not_created(
    doctor: Doctor, settings: Settings, tmp_path: Path
) -> None:
    missing = tmp_path / "unmounted é"
    found = store_finding(doctor, settings, missing.as_uri())
    assert found["detail"] == f"the directory {missing} does not exist"
    assert "mount or create it" in found["remedy"]
    assert not missing.exists()


def test_a_directory_without_permission_is_named(
    doctor: Doctor, settings: Settings, tmp_path: Path
) -> None:
    tmp_path.chmod(0o500)
    # The kernel lets no user create a directory in /sys/kernel, not even root.
    directory = tmp_path if os.geteuid() else Path("/sys/kernel")
    found = store_finding(doctor, settings, directory.as_uri())
    assert found["detail"].partition(": ")[2] in {"permission denied", "operation not permitted"}
    assert "permission to read and write" in found["remedy"]


@pytest.mark.parametrize(
    ("number", "cause", "remedy"),
    [
        (28, "no space left on device", "free some space"),
        (30, "read-only file system", "mount the file system"),
        (5, "input/output error", "check the directory"),
    ],
)
def test_errors_of_a_file_system_are_explained(number: int, cause: str, remedy: str) -> None:
    """With the text of obstore; to mount such a file system needs the rights of root."""
    message = f"Generic LocalFileSystem error: Unable to copy data to file: x (os error {number})"
    for error in (GenericError(message), OSError(number, os.strerror(number), "/directory")):
        assert explain_store_error(error).startswith(cause)
        assert remedy in explain_store_error(error)


@pytest.fixture(scope="module")
def s3() -> Iterator[str]:
    with s3_server() as endpoint:
        yield endpoint


@contextmanager
def refusing_store(code: str) -> Iterator[str]:
    """Serve a store that refuses every request with this code of S3; yield its address."""
    body = f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>x</Message></Error>".encode()

    class Refusal(BaseHTTPRequestHandler):
        def do_PUT(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(403)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Write nothing to standard error."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Refusal) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


Environment = Callable[..., None]


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> Environment:
    def environment(endpoint: str, **changes: str) -> None:
        for name, value in (CREDENTIALS | {"AWS_ENDPOINT_URL": endpoint} | changes).items():
            monkeypatch.setenv(name, value)

    return environment


@pytest.mark.parametrize(
    ("endpoint", "changes", "cause"),
    [
        ("http://127.0.0.1:1", {}, "nothing listens at the address of the store"),
        ("http://no-such-host.invalid", {}, "host of the store has no address"),
        ("http://127.0.0.1:1", {"AWS_ALLOW_HTTP": "false"}, "begins with http:"),
    ],
)
def test_an_unreachable_s3_store_is_named(
    doctor: Doctor,
    settings: Settings,
    environment: Environment,
    endpoint: str,
    changes: dict[str, str],
    cause: str,
) -> None:
    environment(endpoint, **changes)
    found = store_finding(doctor, settings, "s3://bucket/prefix")
    assert cause in found["detail"]
    assert "AWS_" in found["remedy"]


def test_a_missing_bucket_is_named(
    doctor: Doctor, settings: Settings, environment: Environment, s3: str
) -> None:
    environment(s3)
    found = store_finding(doctor, settings, "s3://no-such-bucket/prefix")
    assert "the bucket no-such-bucket does not exist: create it" in found["detail"]


@pytest.mark.parametrize(
    ("code", "cause"),
    [
        ("InvalidAccessKeyId", "does not know the access key"),
        ("SignatureDoesNotMatch", "the secret of the access key is wrong"),
        ("AccessDenied", "refuses the access key"),
        ("RequestTimeTooSkewed", "the clock of this machine differs"),
    ],
)
def test_credentials_that_s3_refuses_are_named(
    doctor: Doctor,
    settings: Settings,
    environment: Environment,
    code: str,
    cause: str,
) -> None:
    with refusing_store(code) as endpoint:
        environment(endpoint, AWS_SECRET_ACCESS_KEY=PASSWORD)
        found = store_finding(doctor, settings, "s3://bucket/prefix")
    assert cause in found["detail"]
    assert found["remedy"]
