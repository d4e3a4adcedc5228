"""A worker receives wake-ups alone, whatever somebody else writes to its queue."""

import json
import logging
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import dramatiq
import pytest
from pydantic import SecretStr
from redis import Redis
from structlog.testing import capture_logs

from services.worker.app import create_worker
from shared.core.settings import Settings
from shared.jobs.queue import WAKE_UPS
from tests.valkey_server import PASSWORD, free_port, valkey

KIND = "documents.build"
QUEUE = f"dramatiq:{WAKE_UPS}"
TIMEOUT_SECONDS = 30
SECRET = "Familie-first"


def message(**changes: Any) -> bytes:
    wake_up = {"queue_name": WAKE_UPS, "actor_name": KIND, "args": [], "kwargs": {}, "options": {}}
    ids = {"message_id": str(uuid4()), "message_timestamp": 1}
    return json.dumps(wake_up | ids | changes).encode()


FOREIGN = (
    b"\xff",
    b"[]",
    b"[" * 100_000,
    message(queue_name="other"),  # it ended a thread
    message(actor_name="os.system"),
    message(actor_name=["a"]),
    message(args=[SECRET]),
    message(kwargs={"self": SECRET}),
    message(message_id=[SECRET]),
    message(options=[]),
    message(options={"eta": 10**18}),
    message(options={"redis_message_id": {}}),
    message(options={"pipe_target": {SECRET: 1}}),
)


@pytest.fixture
def redis_url(tmp_path: Path) -> Iterator[SecretStr]:
    port = free_port()
    with valkey(tmp_path, port=port):
        yield SecretStr(f"redis://:{PASSWORD}@127.0.0.1:{port}/0")


def send(redis: Redis, content: bytes, redis_id: str) -> None:
    """Send a message as another program can that knows the password of Redis."""
    redis.hset(f"{QUEUE}.msgs", redis_id, content)
    redis.rpush(QUEUE, redis_id)


def test_worker_drops_foreign_messages_and_keeps_its_threads(
    settings: Settings, redis_url: SecretStr, caplog: pytest.LogCaptureFixture
) -> None:
    broker, execution = create_worker(settings.model_copy(update={"redis_url": redis_url}))
    worker = dramatiq.Worker(broker, worker_threads=2, worker_timeout=100)
    redis = Redis.from_url(redis_url.get_secret_value())
    with capture_logs() as lines:
        worker.start()
        try:
            for content in FOREIGN:
                send(redis, content, str(uuid4()))
            send(redis, message(options={"redis_message_id": "last"}), "last")
            deadline = time.monotonic() + TIMEOUT_SECONDS
            while redis.hexists(f"{QUEUE}.msgs", "last"):  # until it was processed
                assert time.monotonic() < deadline
                time.sleep(0.05)
            assert [thread.is_alive() for thread in worker.workers] == [True, True]
        finally:
            worker.stop(timeout=5_000)
            broker.close()
            redis.close()
            execution.sessions.kw["bind"].dispose()
    assert [line["event"] for line in lines if "refused" in line["event"]] == ["message_refused"]
    assert SECRET not in f"{lines} {caplog.text}"
    assert [line for line in caplog.records if line.levelno >= logging.ERROR] == []
