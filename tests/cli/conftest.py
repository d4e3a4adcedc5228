"""A running instance for commands, and commands in this process through the real entry point."""

import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from io import BytesIO, TextIOWrapper
from pathlib import Path
from typing import NamedTuple

import pytest

from services.cli.main import main
from tests.journeys.conftest import Instance

SAMPLE = Path(__file__).parents[1] / "data" / "delivery-sample"


class Run(NamedTuple):
    code: int
    out: str
    err: str


def run(*arguments: str, encoding: str = "utf-8") -> Run:
    """Run `toetsfeedback` with these arguments on a terminal of 80 columns with this encoding.

    The environment is as before afterwards.
    """
    out, err = (TextIOWrapper(BytesIO(), encoding=encoding) for _ in range(2))
    before = os.environ.copy(), sys.argv, sys.stdout, sys.stderr
    sys.argv, sys.stdout, sys.stderr = ["toetsfeedback", *arguments], out, err
    os.environ["COLUMNS"] = "80"
    code: object = 0
    try:
        main()
    except SystemExit as stop:
        code = stop.code or 0
    finally:
        _, sys.argv, sys.stdout, sys.stderr = before
        os.environ.clear()
        os.environ.update(before[0])
    assert isinstance(code, int)
    return Run(code, *(_text(stream) for stream in (out, err)))


def _text(stream: TextIOWrapper) -> str:
    stream.flush()
    assert isinstance(stream.buffer, BytesIO)
    return stream.buffer.getvalue().decode(stream.encoding)


@pytest.fixture(scope="session", name="run")
def run_fixture() -> Callable[..., Run]:
    return run


@pytest.fixture(scope="package")
def instance() -> Iterator[Instance]:
    """Start an instance with the sample delivery."""
    # Outside pytest's directory, which may not be readable by the user of the servers.
    directory = Path(tempfile.mkdtemp(prefix="toetsfeedback-cli-"))
    instance = Instance(directory / "data")
    try:
        instance.start()
        assert run("import", str(SAMPLE), "--data", str(instance.data)).code == 0
        yield instance
    finally:
        instance.close()
        shutil.rmtree(directory)
