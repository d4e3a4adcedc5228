import signal
import time
from random import Random

import pytest

from embedded.programs import Program
from tests.chaos.conftest import Measure
from tests.chaos.plant import Plant
from tests.chaos.wholeness import Bytes, assert_whole

pytestmark = [pytest.mark.journey, pytest.mark.xdist_group("chaos")]


def test_workers_killed_again_and_again_lose_and_double_nothing(
    plant: Plant, undisturbed: Bytes, measure: Measure, chance: Random
) -> None:
    plant.build()
    for _ in range(measure.worker_kills):
        plant.await_work()
        time.sleep(chance.uniform(0, 0.05))
        victims = [worker for worker in plant.workers if worker.is_alive()]
        assert plant.items("queued", "running") > 0, "the build was over before the last kill"
        plant.kill(victim := chance.choice(victims))
        plant.start(victim)
    assert_whole(plant, undisturbed)


@pytest.mark.chaos_long
def test_a_worker_that_is_frozen_holds_up_nobody_and_commits_nothing_when_it_wakes(
    plant: Plant, undisturbed: Bytes
) -> None:
    frozen, *others = freeze_one_at_work(plant)
    plant.send(signal.SIGCONT, *others)
    plant.await_(lambda: plant.items("queued", "running") == 0)
    plant.send(signal.SIGCONT, frozen)
    assert_whole(plant, undisturbed)


def test_a_worker_that_wakes_when_another_has_taken_over_commits_nothing(
    plant: Plant, undisturbed: Bytes
) -> None:
    frozen, *others = freeze_one_at_work(plant)
    plant.send(signal.SIGCONT, *others)
    plant.await_(lambda: plant.items("running", tries=2))
    plant.send(signal.SIGCONT, frozen)
    assert_whole(plant, undisturbed)


@pytest.mark.chaos_long
def test_sweepers_that_look_at_the_same_moment_do_nothing_twice(
    plant: Plant, undisturbed: Bytes
) -> None:
    with plant.changed({"TOETSFEEDBACK_JOB_SWEEP_SECONDS": "0.01"}):
        frozen, *others = freeze_one_at_work(plant)
        plant.kill(frozen)
        plant.start(frozen)
        plant.send(signal.SIGCONT, *others)
        assert_whole(plant, undisturbed)


def freeze_one_at_work(plant: Plant) -> list[Program]:
    """Stops all workers: the first while it holds an item, the others before there was any."""
    worker, *others = plant.workers
    plant.send(signal.SIGSTOP, *others)
    plant.build()
    while True:
        plant.await_work()
        plant.send(signal.SIGSTOP, worker)
        time.sleep(0.1)
        if plant.items("running"):
            return [worker, *others]
        plant.send(signal.SIGCONT, worker)
