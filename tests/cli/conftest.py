"""A running instance for commands, and commands in this process through the real entry point."""

import json
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from io import BytesIO, TextIOWrapper
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from pydantic import SecretStr

from services.cli.main import main
from shared.core.settings import Settings
from shared.storage.store import open_storage
from tests.cli.doctor_findings import Doctor
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


@pytest.fixture
def doctor(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Doctor:
    """Return a function that runs the command with settings, and returns its findings by check."""

    def doctor(settings: Settings, **changes: Any) -> dict[str, dict[str, str]]:
        open_storage(settings.storage_url)  # as its API creates the directory when it starts
        for name, value in dict(settings.model_copy(update=changes)).items():
            variable = f"TOETSFEEDBACK_{name.upper()}"
            monkeypatch.delenv(variable, raising=False)
            if value is not None:
                secret = value.get_secret_value() if isinstance(value, SecretStr) else value
                monkeypatch.setenv(variable, str(secret))
        monkeypatch.setattr(sys, "argv", ["toetsfeedback", "doctor", "--json"])
        with pytest.raises(SystemExit) as ended:
            main()
        findings = {
            found["check"]: found for found in json.loads(capsys.readouterr().out)["checks"]
        }
        has_failed = any(found["status"] == "failed" for found in findings.values())
        assert bool(ended.value.code) is has_failed
        return findings

    return doctor
