"""Which errors let an item wait, which are worth another attempt, and which let it fail."""

import errno
import os
import subprocess
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from time import sleep
from typing import Any

import psycopg
import pytest
from obstore.exceptions import BaseError, NotSupportedError
from psycopg.errors import lookup
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from services.worker.conditions import AnotherAttempt, Failure, classify
from shared.core.database import Sessions, open_engine
from shared.core.errors import ConfigurationError
from shared.core.settings import Settings
from shared.storage.store import (
    BucketMissingError,
    Storage,
    StoredObjectMissingError,
    open_storage,
)
from tests.storage.s3_server import CREDENTIALS


@pytest.mark.parametrize(
    ("state", "waiting_for"),
    [
        ("53100", "database: no space left on device"),
        ("53200", "database: no memory left"),
        ("53300", "database: too many open files or connections"),
        ("53400", "database: a limit of its configuration is reached"),
        ("25006", "database: it is read-only"),
        ("42501", "database: permission denied"),
        ("57P01", "database: it was stopped"),
        ("57P02", "database: it has crashed"),
        ("57P03", "database: it is starting or stopping"),
        ("58030", "database: input/output error"),
        ("28P01", "database: it refuses the login"),
        ("08006", "database: it cannot be reached"),
    ],
)
def test_an_item_waits_for_a_database_that_a_person_can_fix(state: str, waiting_for: str) -> None:
    error = lookup(state)("the name of a pupil")
    assert str(classify(error)) == waiting_for
    assert str(classify(DBAPIError("select 1", {}, error))) == waiting_for


@pytest.mark.parametrize("state", ["57014", "57P05", "25P03", "25P04", "55P03", "40001", "40P01"])
def test_a_time_limit_or_a_conflict_of_the_database_is_worth_another_attempt(state: str) -> None:
    assert isinstance(classify(DBAPIError("select 1", {}, lookup(state)("x"))), AnotherAttempt)


@pytest.mark.parametrize("state", ["23505", "22003", "42601", "42P01"])
def test_a_statement_that_fails_again_lets_the_item_fail(state: str) -> None:
    assert isinstance(classify(DBAPIError("select 1", {}, lookup(state)("x"))), Failure)


@pytest.mark.parametrize(
    ("error", "waiting_for"),
    [
        (psycopg.OperationalError("connection lost"), "database: it cannot be reached"),
        (PoolTimeoutError(), "database: it does not answer in time"),
        (ConfigurationError("x"), "database: its configuration does not fit this version"),
        (BucketMissingError("x"), "object store: its bucket does not exist"),
        (MemoryError(), "machine of the worker: no memory left"),
        (OSError(errno.ENOSPC, ""), "machine of the worker: no space left on device"),
        (OSError(errno.EDQUOT, ""), "machine of the worker: quota exceeded"),
        (OSError(errno.EROFS, ""), "machine of the worker: read-only file system"),
        (OSError(errno.EACCES, ""), "machine of the worker: permission denied"),
        (OSError(errno.EIO, ""), "machine of the worker: input/output error"),
        (OSError(errno.EMFILE, ""), "machine of the worker: too many open files or connections"),
    ],
)
def test_an_item_waits_for_a_machine_or_a_server(error: Exception, waiting_for: str) -> None:
    assert str(classify(error)) == waiting_for


def test_other_errors_cost_attempts_or_fail() -> None:
    assert isinstance(classify(OSError("x")), AnotherAttempt)
    assert isinstance(classify(StoredObjectMissingError("x")), AnotherAttempt)
    assert isinstance(classify(NotSupportedError("x")), Failure)
    assert isinstance(classify(ValueError("x")), Failure)


@pytest.mark.parametrize(
    ("limit", "statement"),
    [
        ("statement_timeout", "select pg_sleep(5)"),
        ("idle_in_transaction_session_timeout", "select 1"),
    ],
)
def test_time_limits_of_a_real_server_are_worth_another_attempt(
    sessions: Sessions, limit: str, statement: str
) -> None:
    with sessions() as session:
        session.execute(text(f"set local {limit} = 50"))
        sleep(0.2)
        with pytest.raises(DBAPIError) as raised:
            session.execute(text(statement))
    assert isinstance(classify(raised.value), AnotherAttempt)


def test_an_item_waits_for_a_server_that_refuses_connections(settings: Settings) -> None:
    url = "postgresql://nobody@127.0.0.1:1/none"
    away = open_engine(
        settings.model_copy(update={"database_url": type(settings.database_url)(url)}),
        application_name="tests",
    )
    with pytest.raises(DBAPIError) as raised:
        away.connect()
    assert str(classify(raised.value)) == "database: it cannot be reached"


class _Answer(BaseHTTPRequestHandler):
    """A server of the S3 protocol that answers each write with one status and body."""

    server: Any

    def do_PUT(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        status, body = self.server.answer
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the base's name
        """Log nothing."""


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    for name, value in CREDENTIALS.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("shared.storage.store.RETRY", {"max_retries": 0})
    with ThreadingHTTPServer(("127.0.0.1", 0), _Answer) as server:
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{server.server_port}")
        Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


def reason_of(storage: Storage) -> str:
    with pytest.raises((BaseError, OSError)) as raised:
        storage.put("a/b", b"x" * 3_000_000)
    return str(classify(raised.value))


@pytest.mark.parametrize(
    ("status", "code", "reason"),
    [
        (507, b"", "no space left on device"),
        (429, b"", "too many requests"),
        (503, b"<Error><Code>SlowDown</Code></Error>", "too many requests"),
        (403, b"<Error><Code>AccessDenied</Code></Error>", "permission denied"),
        (401, b"", "it refuses the login"),
        (400, b"<Error><Code>QuotaExceeded</Code></Error>", "quota exceeded"),
        (500, b"", "it answers with an error"),
    ],
)
def test_an_item_waits_for_a_bucket(s3: Any, status: int, code: bytes, reason: str) -> None:
    s3.answer = status, code
    assert reason_of(open_storage("s3://bucket/x")) == f"object store: {reason}"


@pytest.mark.usefixtures("s3")
def test_an_item_waits_for_a_store_that_cannot_be_reached(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    assert reason_of(open_storage("s3://bucket/x")) == "object store: it cannot be reached"


if os.geteuid() == 0:  # only root can mount a disk

    @pytest.fixture
    def small_disk(tmp_path: Path) -> Iterator[Path]:
        mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "conditions", str(tmp_path)]
        subprocess.run(mount, check=True)
        yield tmp_path
        subprocess.run(["umount", str(tmp_path)], check=True)  # noqa: S607  # found on the path

    def test_an_item_waits_for_a_directory(small_disk: Path) -> None:
        storage = open_storage((small_disk / "store").as_uri())
        assert reason_of(storage) == "object store: no space left on device"
        remount = ["mount", "-o", "remount,ro", str(small_disk)]
        subprocess.run(remount, check=True)
        assert reason_of(storage) == "object store: read-only file system"
