"""Fixtures of the chaos tests: one deployment, a seed, and the intensity of the faults."""

import io
import shutil
import tempfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random

import pytest
from sqlalchemy import text

from tests.chaos.deployment import Deployment
from tests.chaos.invariants import DocumentHashes, stored_hashes, wait_for_jobs
from tests.storage.s3_server import s3_server


@dataclass(frozen=True, slots=True)
class Intensity:
    """The intensity of the faults: short with all tests, long with `make chaos`.

    `noise_seconds` is what other tests on the machine may add to the times of a short measurement.
    """

    schools: int
    worker_kills: int
    rounds: int
    store_faults: int
    stopped_seconds: float
    idle_seconds: float
    power_cuts: int
    build_seconds: float
    noise_seconds: float


SHORT = Intensity(
    schools=6,
    worker_kills=3,
    rounds=1,
    store_faults=20,
    stopped_seconds=3,
    idle_seconds=5,
    power_cuts=1,
    build_seconds=0.2,
    noise_seconds=0.05,
)
LONG = Intensity(
    schools=60,
    worker_kills=20,
    rounds=3,
    store_faults=150,
    stopped_seconds=30,
    idle_seconds=60,
    power_cuts=7,
    build_seconds=2,
    noise_seconds=0,
)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Deselect the tests of the long form, which repeat a kind of fault in another place."""
    if not config.getoption("--chaos-long"):
        long = [item for item in items if item.get_closest_marker("chaos_long")]
        config.hook.pytest_deselected(items=long)
        items[:] = [item for item in items if item not in long]


@pytest.fixture(scope="session")
def intensity(request: pytest.FixtureRequest) -> Intensity:
    return LONG if request.config.getoption("--chaos-long") else SHORT


@pytest.fixture(scope="session")
def seed(request: pytest.FixtureRequest) -> int:
    return int(request.config.getoption("--chaos-seed"))


@pytest.fixture
def rng(request: pytest.FixtureRequest, seed: int) -> Random:
    """Return a generator that is the same for each run of a test with the same seed."""
    return Random(f"{seed}/{request.node.name}")  # noqa: S311  # must be reproducible


@pytest.fixture(scope="session")
def running_deployment(intensity: Intensity, seed: int) -> Iterator[Deployment]:
    # Outside pytest's directory, which may not be readable by the user of the servers.
    directory = Path(tempfile.mkdtemp(prefix="toetsfeedback-chaos-"))
    deployment = Deployment(directory / "data")
    try:
        with deployment.running(intensity.schools, seed):
            yield deployment
    finally:
        shutil.rmtree(directory)


@pytest.fixture(scope="session")
def reference(running_deployment: Deployment) -> DocumentHashes:
    """Return the hashes of the documents of a build without faults."""
    running_deployment.build()
    wait_for_jobs(running_deployment)
    return stored_hashes(running_deployment)


@pytest.fixture
def deployment(running_deployment: Deployment, reference: DocumentHashes) -> Iterator[Deployment]:
    """Yield the deployment with every process running and no document."""
    assert len(reference) > 0
    running_deployment.recover()
    wait_for_jobs(running_deployment)
    with running_deployment.unit_of_work() as unit:
        unit.session.execute(text("delete from documents"))
    yield running_deployment
    running_deployment.resume()


@pytest.fixture
def delivery(deployment: Deployment) -> bytes:
    """Return the delivery that is imported already, as a ZIP: importing it changes nothing."""
    body = io.BytesIO()
    with zipfile.ZipFile(body, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted((deployment.data.path / "delivery").iterdir()):
            archive.write(path, path.name)
    return body.getvalue()


@pytest.fixture(scope="session")
def s3_endpoint() -> Iterator[str]:
    with s3_server() as endpoint:
        yield endpoint
