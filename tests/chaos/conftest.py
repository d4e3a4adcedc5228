"""One plant for all cases, a seed for what is left to chance, and how long a case lasts."""

import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random

import pytest
from sqlalchemy import text

from tests.chaos.plant import Plant
from tests.chaos.wholeness import Bytes, await_end, stored_bytes
from tests.storage.s3_server import s3_server


@dataclass(frozen=True, slots=True)
class Measure:
    """How much a case does: the short form runs with all tests, the long one as `make chaos`."""

    schools: int
    worker_kills: int
    rounds: int
    store_faults: int
    frozen_seconds: float


SHORT = Measure(schools=6, worker_kills=3, rounds=1, store_faults=20, frozen_seconds=3)
LONG = Measure(schools=60, worker_kills=20, rounds=3, store_faults=150, frozen_seconds=30)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """The short form leaves out what the long one adds: the same kind of harm in another place."""
    if not config.getoption("--chaos-long"):
        added = [item for item in items if item.get_closest_marker("chaos_long")]
        config.hook.pytest_deselected(items=added)
        items[:] = [item for item in items if item not in added]


@pytest.fixture(scope="session")
def measure(request: pytest.FixtureRequest) -> Measure:
    return LONG if request.config.getoption("--chaos-long") else SHORT


@pytest.fixture(scope="session")
def seed(request: pytest.FixtureRequest) -> int:
    return int(request.config.getoption("--chaos-seed"))


@pytest.fixture
def chance(request: pytest.FixtureRequest, seed: int) -> Random:
    """The same for each run of a case with the same seed."""
    return Random(f"{seed}/{request.node.name}")  # noqa: S311  # has to repeat itself


@pytest.fixture(scope="session")
def running_plant(measure: Measure, seed: int) -> Iterator[Plant]:
    # Not below pytest's own directory, which another run closes to the servers' user.
    directory = Path(tempfile.mkdtemp(prefix="toetsfeedback-chaos-"))
    plant = Plant(directory / "data")
    try:
        with plant.running(measure.schools, seed):
            yield plant
    finally:
        shutil.rmtree(directory)


@pytest.fixture(scope="session")
def undisturbed(running_plant: Plant) -> Bytes:
    """What a build gives that nothing happens to."""
    running_plant.build()
    await_end(running_plant)
    return stored_bytes(running_plant)


@pytest.fixture
def plant(running_plant: Plant, undisturbed: Bytes) -> Iterator[Plant]:
    """Everything runs, and nothing has been built yet."""
    assert len(undisturbed) > 0
    running_plant.heal()
    await_end(running_plant)
    with running_plant.unit_of_work() as unit:
        unit.session.execute(text("delete from documents"))
    yield running_plant
    running_plant.thaw()


@pytest.fixture(scope="session")
def s3_endpoint() -> Iterator[str]:
    with s3_server() as endpoint:
        yield endpoint
