import os
import subprocess
from collections.abc import Callable, Iterator
from itertools import chain, repeat
from pathlib import Path
from random import Random

import pytest

from embedded.running_instance import STORAGE_URL
from tests.chaos.conftest import Intensity
from tests.chaos.deployment import Deployment
from tests.chaos.invariants import DocumentHashes, assert_consistent
from tests.storage.s3_server import CREDENTIALS, FailingProxy, failing_proxy, new_storage_url

pytestmark = [pytest.mark.journey, pytest.mark.xdist_group("chaos")]

FAULTS = ["error", "full", "hang", "cut"]
WRITES = {"PUT", "POST"}
PLACES = [
    pytest.param("bucket", marks=pytest.mark.chaos_long),
    *(["disk"] if os.geteuid() == 0 else []),
]
"""Only root can mount a disk."""

FreeSpace = Callable[[], object]


@pytest.fixture
def bucket(
    deployment: Deployment, s3_endpoint: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[FailingProxy]:
    """Yield a proxy in front of the bucket in which the deployment stores its documents."""
    with failing_proxy(s3_endpoint) as proxy:
        variables = CREDENTIALS | {"AWS_ENDPOINT_URL": proxy.url, "AWS_TIMEOUT": "1s"}
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        with deployment.restarted_with({STORAGE_URL: new_storage_url()}):
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
        with deployment.restarted_with({STORAGE_URL: tmp_path.as_uri()}):
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
def test_full_storage_is_retried_until_there_is_space(
    deployment: Deployment, reference: DocumentHashes, place: str, request: pytest.FixtureRequest
) -> None:
    free_space: FreeSpace = request.getfixturevalue(f"full_{place}")
    deployment.build()
    deployment.wait_until(lambda: deployment.items("queued", attempts=1))
    free_space()
    assert_consistent(deployment, reference)
