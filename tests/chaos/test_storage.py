import os
import subprocess
from collections.abc import Callable, Iterator
from itertools import chain, repeat
from pathlib import Path
from random import Random

import pytest

from embedded.running_instance import STORAGE_URL
from tests.chaos.conftest import Measure
from tests.chaos.plant import Plant
from tests.chaos.wholeness import Bytes, assert_whole
from tests.storage.s3_server import CREDENTIALS, FailingProxy, failing_proxy, fresh_place

pytestmark = [pytest.mark.journey, pytest.mark.xdist_group("chaos")]

FAULTS = ["error", "full", "hang", "cut"]
WRITES = {"PUT", "POST"}
PLACES = [
    pytest.param("bucket", marks=pytest.mark.chaos_long),
    *(["disk"] if os.geteuid() == 0 else []),
]
"""Only root has disks of its own to fill."""

MakeRoom = Callable[[], object]


@pytest.fixture
def bucket(
    plant: Plant, s3_endpoint: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[FailingProxy]:
    """The plant keeps its documents in a bucket behind this proxy."""
    with failing_proxy(s3_endpoint) as proxy:
        reach = CREDENTIALS | {"AWS_ENDPOINT_URL": proxy.url, "AWS_TIMEOUT": "1s"}
        for name, value in reach.items():
            monkeypatch.setenv(name, value)
        with plant.changed({STORAGE_URL: fresh_place()}):
            yield proxy


@pytest.fixture
def full_bucket(bucket: FailingProxy) -> MakeRoom:
    bucket.fault = lambda method: "full" if method in WRITES else ""
    return lambda: setattr(bucket, "fault", lambda _method: "")


@pytest.fixture
def full_disk(plant: Plant, tmp_path: Path) -> Iterator[MakeRoom]:
    """The plant keeps its documents on a disk of a megabyte."""
    mount = ["mount", "-t", "tmpfs", "chaos", str(tmp_path), "-o"]
    subprocess.run([*mount, "size=1m"], check=True)
    try:
        with plant.changed({STORAGE_URL: tmp_path.as_uri()}):
            yield lambda: subprocess.run([*mount, "remount,size=500m"], check=True)
    finally:
        subprocess.run(["umount", str(tmp_path)], check=True)  # noqa: S607  # wherever it is


def test_a_store_that_fails_hangs_and_is_full_at_random_delays_and_loses_nothing(
    plant: Plant, undisturbed: Bytes, bucket: FailingProxy, measure: Measure, chance: Random
) -> None:
    fates = [*FAULTS, "", ""] * (measure.store_faults // len(FAULTS))
    chance.shuffle(fates)
    to_come = chain(fates, repeat(""))
    bucket.fault = lambda _method: next(to_come)
    plant.build()
    assert_whole(plant, undisturbed)
    assert set(bucket.met) == set(FAULTS)


@pytest.mark.parametrize("place", PLACES)
def test_a_store_that_is_full_is_tried_again_until_there_is_room(
    plant: Plant, undisturbed: Bytes, place: str, request: pytest.FixtureRequest
) -> None:
    make_room: MakeRoom = request.getfixturevalue(f"full_{place}")
    plant.build()
    plant.await_(lambda: plant.items("queued", tries=1))
    make_room()
    assert_whole(plant, undisturbed)
