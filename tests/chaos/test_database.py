import signal
import time
from random import Random

import pytest

from tests.chaos.conftest import Intensity
from tests.chaos.deployment import LEASE_SECONDS, Deployment
from tests.chaos.invariants import DocumentHashes, assert_consistent

pytestmark = [pytest.mark.journey, pytest.mark.xdist_group("chaos")]


def test_immediate_shutdown_of_postgres_loses_nothing(
    deployment: Deployment, reference: DocumentHashes, intensity: Intensity, rng: Random
) -> None:
    deployment.build()
    for _ in range(intensity.rounds):
        deployment.wait_for_work()
        time.sleep(rng.uniform(0, 0.05))
        deployment.send(signal.SIGQUIT, deployment.postgres)
        deployment.wait_until(lambda: not deployment.postgres.is_alive())
        time.sleep(rng.uniform(0, 0.5))
        deployment.start(deployment.postgres)
    assert_consistent(deployment, reference)


def test_database_that_is_away_longer_than_a_lease_costs_no_attempt(
    deployment: Deployment, reference: DocumentHashes
) -> None:
    with deployment.restarted_with({"TOETSFEEDBACK_JOB_MAX_ATTEMPTS": "1"}):
        deployment.build()
        deployment.wait_for_work()
        deployment.send(signal.SIGSTOP, *deployment.workers)
        time.sleep(0.1)  # what the server has committed is answered, although nobody reads it yet
        deployment.send(signal.SIGQUIT, deployment.postgres)
        deployment.wait_until(lambda: not deployment.postgres.is_alive())
        deployment.send(signal.SIGCONT, *deployment.workers)
        time.sleep(2 * LEASE_SECONDS)
        deployment.start(deployment.postgres)
        assert_consistent(deployment, reference)
