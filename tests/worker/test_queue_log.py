"""A worker logs that its queue is away and back, and not every attempt in between."""

import logging
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import dramatiq
import pytest
from pydantic import SecretStr
from structlog.testing import capture_logs
from structlog.typing import EventDict

from services.worker.app import create_worker
from services.worker.queue_log import REPEAT_SECONDS, QueueLog
from shared.core.settings import Settings
from tests.valkey_server import PASSWORD, free_port, valkey

TIMEOUT_SECONDS = 30


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + TIMEOUT_SECONDS
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.fixture
def lines() -> Iterator[list[EventDict]]:
    with capture_logs() as lines:
        yield lines


def events(lines: list[EventDict]) -> list[tuple[str, str]]:
    return [(line["event"], line["log_level"]) for line in lines if "queue" in line["event"]]


def test_worker_logs_once_that_its_queue_is_away_and_once_that_it_is_back(
    settings: Settings,
    tmp_path: Path,
    lines: list[EventDict],
    caplog: pytest.LogCaptureFixture,
) -> None:
    port = free_port()
    url = SecretStr(f"redis://:{PASSWORD}@127.0.0.1:{port}/0")
    broker, execution = create_worker(settings.model_copy(update={"redis_url": url}))
    worker = dramatiq.Worker(broker, worker_threads=1, worker_timeout=100)
    away = [("queue_unavailable", "warning")]
    back = [*away, ("queue_available", "info")]
    worker.start()
    try:
        wait_until(lambda: events(lines) == away)
        time.sleep(7)  # dramatiq tries again every three seconds
        assert events(lines) == away
        with valkey(tmp_path, port=port):
            wait_until(lambda: events(lines) == back)
    finally:
        worker.stop(timeout=5_000)
        broker.close()
    (reason,) = [line["reason"] for line in lines if line["event"] == "queue_unavailable"]
    assert "nothing listens there; check that Redis or Valkey runs" in reason
    assert [line for line in caplog.records if line.levelno >= logging.ERROR] == []
    assert execution.queue_log is broker.log


def test_a_queue_that_stays_away_is_logged_once_a_minute(
    lines: list[EventDict], monkeypatch: pytest.MonkeyPatch
) -> None:
    log, now = QueueLog(), [1000.0]
    monkeypatch.setattr("services.worker.queue_log.monotonic", lambda: now[0])
    for _ in range(40):
        log.record_failure(ConnectionError("refused"))
        now[0] += 3
    assert len(lines) == 120 / REPEAT_SECONDS
    log.record_success()
    log.record_success()
    assert len(lines) == 120 / REPEAT_SECONDS + 1


def test_other_lines_of_dramatiq_are_left_as_they_are(
    lines: list[EventDict], caplog: pytest.LogCaptureFixture
) -> None:
    log = QueueLog()
    log.watch("tests")
    logger = logging.getLogger("dramatiq.worker.ConsumerThread(tests)")
    logger.critical("Consumer encountered an unexpected error.", exc_info=ValueError("x"))
    logger.warning("A message of an unknown actor %r.", "x")
    assert len(caplog.records) == 2
    assert lines == []
