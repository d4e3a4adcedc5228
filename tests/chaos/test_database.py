import signal
import time
from random import Random

import pytest

from tests.chaos.conftest import Intensity
from tests.chaos.deployment import Deployment
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
