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
from tests.chaos.conftest import Measure
from tests.chaos.plant import LEASE_SECONDS, Plant
from tests.chaos.wholeness import Bytes, assert_whole

pytestmark = [pytest.mark.journey, pytest.mark.xdist_group("chaos")]


def test_a_queue_flushed_again_and_again_loses_nothing(
    plant: Plant, undisturbed: Bytes, measure: Measure, chance: Random
) -> None:
    plant.build()
    with redis.Redis.from_url(plant.valkey.url) as client:
        for _ in range(5 * measure.rounds):
            client.flushall()
            time.sleep(chance.uniform(0, 0.2))
    assert_whole(plant, undisturbed)


@pytest.mark.chaos_long
def test_a_queue_killed_and_started_again_loses_nothing(
    plant: Plant, undisturbed: Bytes, measure: Measure, chance: Random
) -> None:
    plant.build()
    for _ in range(measure.rounds):
        plant.kill(plant.valkey)
        time.sleep(chance.uniform(0, 1))
        plant.start(plant.valkey)
    assert_whole(plant, undisturbed)


def test_a_frozen_queue_holds_up_no_request_and_loses_nothing(
    plant: Plant, undisturbed: Bytes, measure: Measure
) -> None:
    plant.send(signal.SIGSTOP, plant.valkey)
    thaws_at = time.monotonic() + measure.frozen_seconds
    began = time.monotonic()
    plant.build()
    answered_in = time.monotonic() - began
    time.sleep(max(0.0, thaws_at - time.monotonic()))
    plant.send(signal.SIGCONT, plant.valkey)
    assert_whole(plant, undisturbed)
    assert answered_in < 10


def test_calls_that_come_twice_and_out_of_order_do_no_harm(
    plant: Plant, undisturbed: Bytes, chance: Random
) -> None:
    plant.send(signal.SIGSTOP, *plant.workers)
    plant.build()
    broker = open_broker(plant.settings, middleware=[])
    calls = [call for call in waiting(broker) for _ in range(3)]
    broker.flush_all()
    chance.shuffle(calls)
    for call in calls:
        broker.enqueue(call)
    assert len(calls) > 0
    broker.close()
    plant.send(signal.SIGCONT, *plant.workers)
    assert_whole(plant, undisturbed)


def waiting(broker: RedisBroker) -> list[dramatiq.Message[None]]:
    """Every call that nobody has heard yet, as a new message that says the same."""
    stored: list[Any] = []
    for queue in broker.get_declared_queues():
        stored += broker.client.hvals(f"{broker.namespace}:{queue}.msgs")
    return [dramatiq.Message[None].decode(message).copy() for message in stored]


def test_an_api_killed_between_commit_and_call_has_lost_nothing(
    plant: Plant, undisturbed: Bytes
) -> None:
    plant.send(signal.SIGSTOP, plant.valkey)
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(plant.build)
        plant.await_(lambda: plant.items("queued") > 0)
        committed_and_unanswered = answer.running()
        plant.kill(plant.api, plant.valkey)
        with pytest.raises(httpx.TransportError):
            answer.result(timeout=10)
    assert committed_and_unanswered
    plant.heal()
    assert_whole(plant, undisturbed)


@pytest.mark.chaos_long
def test_a_sweeper_killed_between_commit_and_call_has_lost_nothing(
    plant: Plant, undisturbed: Bytes
) -> None:
    plant.kill(plant.valkey)
    plant.build()
    plant.start(plant.valkey)
    plant.send(signal.SIGSTOP, plant.valkey)
    time.sleep(LEASE_SECONDS)
    plant.kill(*plant.workers, plant.valkey)
    plant.heal()
    assert_whole(plant, undisturbed)
