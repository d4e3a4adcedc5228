import signal
import time
from random import Random

import pytest

from embedded.programs import Program
from tests.chaos.conftest import Intensity
from tests.chaos.deployment import Deployment
from tests.chaos.invariants import DocumentHashes, assert_consistent

pytestmark = [pytest.mark.journey, pytest.mark.xdist_group("chaos")]


def test_killed_workers_lose_and_duplicate_nothing(
    deployment: Deployment, reference: DocumentHashes, intensity: Intensity, rng: Random
) -> None:
    deployment.build()
    for _ in range(intensity.worker_kills):
        deployment.wait_for_work()
        time.sleep(rng.uniform(0, 0.05))
        candidates = [worker for worker in deployment.workers if worker.is_alive()]
        assert deployment.items("queued", "running") > 0, "the build ended before the last kill"
        deployment.kill(killed := rng.choice(candidates))
        deployment.start(killed)
    assert_consistent(deployment, reference)


@pytest.mark.chaos_long
def test_stopped_worker_delays_no_other_and_commits_nothing_later(
    deployment: Deployment, reference: DocumentHashes
) -> None:
    stopped, *others = stop_workers_with_one_busy(deployment)
    deployment.send(signal.SIGCONT, *others)
    deployment.wait_until(lambda: deployment.items("queued", "running") == 0)
    deployment.send(signal.SIGCONT, stopped)
    assert_consistent(deployment, reference)


def test_worker_that_lost_its_lease_commits_nothing(
    deployment: Deployment, reference: DocumentHashes
) -> None:
    stopped, *others = stop_workers_with_one_busy(deployment)
    deployment.send(signal.SIGCONT, *others)
    deployment.wait_until(lambda: deployment.items("running", attempts=2))
    deployment.send(signal.SIGCONT, stopped)
    assert_consistent(deployment, reference)


@pytest.mark.chaos_long
def test_concurrent_sweepers_do_nothing_twice(
    deployment: Deployment, reference: DocumentHashes
) -> None:
    with deployment.restarted_with({"TOETSFEEDBACK_JOB_SWEEP_SECONDS": "0.01"}):
        stopped, *others = stop_workers_with_one_busy(deployment)
        deployment.kill(stopped)
        deployment.start(stopped)
        deployment.send(signal.SIGCONT, *others)
        assert_consistent(deployment, reference)


def stop_workers_with_one_busy(deployment: Deployment) -> list[Program]:
    """Suspend all workers, the first with a claimed item; return them in that order."""
    worker, *others = deployment.workers
    deployment.send(signal.SIGSTOP, *others)
    deployment.build()
    while True:
        deployment.wait_for_work()
        deployment.send(signal.SIGSTOP, worker)
        time.sleep(0.1)
        if deployment.items("running"):
            return [worker, *others]
        deployment.send(signal.SIGCONT, worker)
