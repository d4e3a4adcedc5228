import signal
import time
from random import Random

import pytest

from tests.chaos.conftest import Measure
from tests.chaos.plant import Plant
from tests.chaos.wholeness import Bytes, assert_whole

pytestmark = [pytest.mark.journey, pytest.mark.xdist_group("chaos")]


def test_a_database_stopped_at_once_in_the_middle_is_back_with_everything(
    plant: Plant, undisturbed: Bytes, measure: Measure, chance: Random
) -> None:
    plant.build()
    for _ in range(measure.rounds):
        plant.await_work()
        time.sleep(chance.uniform(0, 0.05))
        plant.send(signal.SIGQUIT, plant.postgres)
        plant.await_(lambda: not plant.postgres.is_alive())
        time.sleep(chance.uniform(0, 0.5))
        plant.start(plant.postgres)
    assert_whole(plant, undisturbed)
