import os
import subprocess
import time
from collections.abc import Callable, Iterator
from itertools import chain, repeat
from pathlib import Path
from random import Random

import pytest

from embedded.running_instance import STORAGE_URL
from shared.core.database import IDLE_TRANSACTION_LEASES
from shared.jobs.monitoring import waiting_items
from shared.jobs.rules import MAX_WAIT_SECONDS
from tests.chaos.conftest import Intensity
from tests.chaos.deployment import LEASE_SECONDS, Deployment
from tests.chaos.invariants import DocumentHashes, assert_consistent
from tests.storage.s3_server import CREDENTIALS, FailingProxy, failing_proxy, new_storage_url

pytestmark = [pytest.mark.journey, pytest.mark.xdist_group("chaos")]

FAULTS = ["error", "full", "hang", "cut"]
WRITES = {"PUT", "POST"}
ONE_ATTEMPT = {"TOETSFEEDBACK_JOB_MAX_ATTEMPTS": "1"}
PLACES = [
    pytest.param("bucket", marks=pytest.mark.chaos_long),
    *(["disk"] if os.geteuid() == 0 else []),
]
"""Only root can mount a disk."""

FreeSpace = Callable[[], object]


@pytest.fixture
def bucket(
    deployment: Deployment,
    s3_endpoint: str,
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
) -> Iterator[FailingProxy]:
    """Yield a proxy in front of the bucket in which the deployment stores its documents."""
    timeout = getattr(request, "param", "1s")
    with failing_proxy(s3_endpoint) as proxy:
        variables = CREDENTIALS | {"AWS_ENDPOINT_URL": proxy.url, "AWS_TIMEOUT": timeout}
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        with deployment.restarted_with({STORAGE_URL: new_storage_url()} | ONE_ATTEMPT):
            yield proxy


@pytest.fixture
def full_bucket(bucket: FailingProxy) -> FreeSpace:
    bucket.fault = lambda method: "full" if method in WRITES else ""
    return lambda: setattr(bucket, "fault", lambda _method: "")


@pytest.fixture
def full_disk(deployment: Deployment, tmp_path: Path) -> Iterator[FreeSpace]:
    """Let the deployment store its documents on a disk of 1 MB, which the yielded call enlarges."""
    mount = ["mount", "-t", "tmpfs", "chaos", str(tmp_path), "-o"]
    subprocess.run([*mount, "size=1m"], check=True)
    try:
        with deployment.restarted_with({STORAGE_URL: tmp_path.as_uri()} | ONE_ATTEMPT):
            yield lambda: subprocess.run([*mount, "remount,size=500m"], check=True)
    finally:
        subprocess.run(["umount", str(tmp_path)], check=True)  # noqa: S607  # found on the path


def test_random_storage_faults_lose_no_document(
    deployment: Deployment,
    reference: DocumentHashes,
    bucket: FailingProxy,
    intensity: Intensity,
    rng: Random,
) -> None:
    faults = [*FAULTS, "", ""] * (intensity.store_faults // len(FAULTS))
    rng.shuffle(faults)
    next_faults = chain(faults, repeat(""))
    bucket.fault = lambda _method: next(next_faults)
    deployment.build()
    assert_consistent(deployment, reference)
    assert set(bucket.faults_made) == set(FAULTS)


@pytest.mark.parametrize("place", PLACES)
def test_full_storage_is_waited_for_at_no_cost_of_attempts(
    deployment: Deployment,
    reference: DocumentHashes,
    intensity: Intensity,
    place: str,
    request: pytest.FixtureRequest,
) -> None:
    free_space: FreeSpace = request.getfixturevalue(f"full_{place}")
    deployment.build()
    deployment.wait_until(lambda: waiting_for(deployment))
    time.sleep(intensity.stopped_seconds)
    assert waiting_for(deployment) == {"object store: no space left on device"}
    free_space()
    freed_at = time.monotonic()
    assert_consistent(deployment, reference)
    assert time.monotonic() - freed_at < 2 * MAX_WAIT_SECONDS
    assert not waiting_for(deployment)


@pytest.mark.parametrize("bucket", ["30s"], indirect=True)
def test_slow_storage_ends_no_transaction(
    deployment: Deployment, reference: DocumentHashes, bucket: FailingProxy
) -> None:
    bucket.hang_seconds = IDLE_TRANSACTION_LEASES * LEASE_SECONDS + 1
    faults = chain(["slow"] * 2, repeat(""))
    bucket.fault = lambda method: next(faults) if method in WRITES else ""
    deployment.build()
    assert_consistent(deployment, reference)
    assert bucket.faults_made == ["slow"] * 2


def waiting_for(deployment: Deployment) -> set[str]:
    with deployment.unit_of_work() as unit:
        return set(waiting_items(unit.session))
