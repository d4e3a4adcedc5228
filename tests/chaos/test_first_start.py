"""Power cuts during the first start of `up`: its keys and passwords are on the disk before use."""

import time
from pathlib import Path
from random import Random

import pytest

from embedded.data_directory import DataDirectory
from tests.chaos.loop_disk import NEEDS, can_mount, loop_disk
from tests.chaos.up_process import UpProcess

pytestmark = [
    pytest.mark.journey,
    pytest.mark.timeout(600),  # two starts of all servers
    pytest.mark.skipif(not can_mount(), reason=NEEDS),
]


@pytest.mark.parametrize(
    "number", [0, *(pytest.param(number, marks=pytest.mark.chaos_long) for number in range(1, 6))]
)
def test_first_start_of_up_outlives_a_power_cut(number: int, rng: Random) -> None:
    """Cut the power when `up` is ready, and at random moments before."""
    with loop_disk(mebibytes=512) as disk:
        data = DataDirectory(disk.mount_point / "data")
        with UpProcess(data) as first:
            if number:
                time.sleep(rng.uniform(0, 8))
            else:
                first.wait_until_ready()
        keys = contents(data.keys)
        disk.cut_power()
        survived = contents(data.keys)
        assert survived.items() <= keys.items()
        assert number or survived == keys
        assert "postgres-password" in survived or not data.postgres.exists()
        with UpProcess(data) as second:
            second.wait_until_ready()
            assert survived.items() <= contents(data.keys).items()


def contents(directory: Path) -> dict[str, bytes]:
    """Return the complete files of a directory."""
    files = directory.iterdir() if directory.exists() else ()
    return {file.name: file.read_bytes() for file in files if "#" not in file.name}
