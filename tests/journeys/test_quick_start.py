"""The commands of README.md, as they are written, end with a fiche."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.journeys.conftest import Instance

pytestmark = [pytest.mark.journey, pytest.mark.xdist_group("quick_start")]

README = Path(__file__).parents[2] / "README.md"
OPENS_A_VIEWER = "xdg-open fiche.pdf"


def quick_start() -> str:
    (block,) = re.findall(r"```sh\n(.+?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    assert isinstance(block, str)
    return block


@pytest.mark.timeout(600)
def test_quick_start_of_the_readme_ends_with_a_fiche(instance: Instance, tmp_path: Path) -> None:
    directory = tmp_path / "pad met é"
    (directory / ".venv").mkdir(parents=True)
    (directory / ".venv" / "bin").symlink_to(Path(sys.executable).parent)
    (directory / "toetsfeedback-data").symlink_to(instance.data)
    commands = quick_start()
    assert commands.endswith(f"{OPENS_A_VIEWER}\n")
    found = subprocess.run(
        ["/bin/sh", "-eu", "-c", commands.removesuffix(f"{OPENS_A_VIEWER}\n")],
        cwd=directory,
        env=os.environ | {"HTTP_PROXY": "http://127.0.0.1:9"},
        capture_output=True,
        check=False,
        timeout=500,
    )
    assert found.returncode == 0, found.stderr.decode()
    assert (directory / "fiche.pdf").read_bytes().startswith(b"%PDF-")
