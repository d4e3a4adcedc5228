import signal
import time
from concurrent.futures import ThreadPoolExecutor
from random import Random
from typing import Any

import dramatiq
import httpx
import pytest
import redis
from dramatiq.brokers.redis import RedisBroker

from shared.jobs.queue import open_broker
from tests.chaos.conftest import Intensity
from tests.chaos.deployment import Deployment
from tests.chaos.invariants import DocumentHashes, assert_consistent

pytestmark = [pytest.mark.journey, pytest.mark.xdist_group("chaos")]


def test_flushed_queue_loses_no_job(
    deployment: Deployment, reference: DocumentHashes, intensity: Intensity, rng: Random
) -> None:
    deployment.build()
    with redis.Redis.from_url(deployment.valkey.url) as client:
        for _ in range(5 * intensity.rounds):
            client.flushall()
            time.sleep(rng.uniform(0, 0.2))
    assert_consistent(deployment, reference)


@pytest.mark.chaos_long
def test_killed_queue_loses_no_job(
    deployment: Deployment, reference: DocumentHashes, intensity: Intensity, rng: Random
) -> None:
    deployment.build()
    for _ in range(intensity.rounds):
        deployment.kill(deployment.valkey)
        time.sleep(rng.uniform(0, 1))
        deployment.start(deployment.valkey)
    assert_consistent(deployment, reference)


def test_stopped_queue_delays_no_request_and_loses_no_job(
    deployment: Deployment, reference: DocumentHashes, intensity: Intensity
) -> None:
    deployment.send(signal.SIGSTOP, deployment.valkey)
    resumes_at = time.monotonic() + intensity.stopped_seconds
    started = time.monotonic()
    deployment.build()
    elapsed = time.monotonic() - started
    time.sleep(max(0.0, resumes_at - time.monotonic()))
    deployment.send(signal.SIGCONT, deployment.valkey)
    assert_consistent(deployment, reference)
    assert (
        elapsed < 10
    )  # far below the 60 s of a client; the limit of a second is for an idle machine


def test_build_ends_without_a_queue(deployment: Deployment, reference: DocumentHashes) -> None:
    deployment.kill(deployment.valkey)
    deployment.build()
    assert_consistent(deployment, reference)
    assert not deployment.valkey.is_alive()


def test_duplicate_and_reordered_messages_do_no_harm(
    deployment: Deployment, reference: DocumentHashes, rng: Random
) -> None:
    deployment.send(signal.SIGSTOP, *deployment.workers)
    deployment.build()
    broker = open_broker(deployment.settings, middleware=[])
    messages = [message for message in pending_messages(broker) for _ in range(3)]
    broker.flush_all()
    rng.shuffle(messages)
    for message in messages:
        broker.enqueue(message)
    assert len(messages) > 0
    broker.close()
    deployment.send(signal.SIGCONT, *deployment.workers)
    assert_consistent(deployment, reference)


def pending_messages(broker: RedisBroker) -> list[dramatiq.Message[None]]:
    """Return a copy of every message that is not consumed yet."""
    stored: list[Any] = []
    for queue in broker.get_declared_queues():
        stored += broker.client.hvals(f"{broker.namespace}:{queue}.msgs")
    return [dramatiq.Message[None].decode(message).copy() for message in stored]


def test_api_killed_between_commit_and_message_loses_no_job(
    deployment: Deployment, reference: DocumentHashes
) -> None:
    deployment.send(signal.SIGSTOP, deployment.valkey)
    with ThreadPoolExecutor(1) as pool:
        response = pool.submit(deployment.build)
        deployment.wait_until(lambda: deployment.items("queued") > 0)
        is_committed_without_response = response.running()
        deployment.kill(deployment.api, deployment.valkey)
        with pytest.raises(httpx.TransportError):
            response.result(timeout=10)
    assert is_committed_without_response
    deployment.recover()
    assert_consistent(deployment, reference)
