"""A copy of a data directory has the record of another instance, which it must leave alone."""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from embedded.data_directory import DataDirectory
from embedded.errors import EmbeddedError
from embedded.orphans import stop_orphans
from embedded.running_instance import RunningInstance
from services.cli.target import settings_for

StartUp = Callable[..., Any]
pytestmark = pytest.mark.xdist_group("steady_up")


@pytest.fixture
def copy(steady_up: Any, shared_directory: Path, directory: Path) -> Path:
    """Return a copy of the directory of a running instance."""
    steady_up.until_ready()
    shutil.copytree(shared_directory, directory)
    return directory


def assert_all_run(instance: RunningInstance) -> None:
    assert len(instance.processes) > 0
    assert all(process.identity.is_alive() for process in instance.processes)


def test_up_refuses_a_copy_of_a_running_instance_and_stops_nothing(
    steady_up: Any, start_up: StartUp, shared_directory: Path, copy: Path
) -> None:
    original = steady_up.until_ready()
    second = start_up(copy)
    output, _ = second.process.communicate(timeout=20)
    assert second.process.returncode == 1
    assert f"the data directory {copy} is a copy of {shared_directory}" in output
    assert f"(process {steady_up.process.pid})" in output
    assert "copy its directory again" in output
    assert_all_run(original)
    assert steady_up.until_ready().processes == original.processes


@pytest.mark.usefixtures("steady_up")
def test_commands_refuse_a_copy_of_a_running_instance(
    copy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable in ("DATABASE", "REDIS", "STORAGE"):
        monkeypatch.delenv(f"TOETSFEEDBACK_{variable}_URL", raising=False)
    with pytest.raises(EmbeddedError, match="is a copy of"):
        settings_for(copy, "importer")


def test_settings_of_an_instance_leave_the_environment_alone(
    steady_up: Any, shared_directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another instance that this process starts would use the servers of the first."""
    for variable in ("DATABASE", "REDIS", "STORAGE"):
        monkeypatch.delenv(f"TOETSFEEDBACK_{variable}_URL", raising=False)
    instance = steady_up.until_ready()
    before = dict(os.environ)
    settings = settings_for(shared_directory, "importer")
    assert settings.database_url.get_secret_value() == instance.logins["importer"]
    assert dict(os.environ) == before


def test_processes_that_work_elsewhere_are_no_orphans(steady_up: Any, copy: Path) -> None:
    """The inode of a removed original can be that of its copy."""
    original = steady_up.until_ready()
    data = DataDirectory(copy)
    record = json.loads(data.running.read_text())
    state = copy.stat()
    record["directory"] |= {"device": state.st_dev, "inode": state.st_ino}
    data.running.write_text(json.dumps(record))
    stop_orphans(data)
    assert_all_run(original)


def test_renamed_directory_keeps_its_record(steady_up: Any, shared_directory: Path) -> None:
    instance = steady_up.until_ready()
    renamed = shared_directory.with_name("renamed")
    shared_directory.rename(renamed)
    try:
        assert DataDirectory(renamed).read_running() == instance
    finally:
        renamed.rename(shared_directory)


def test_record_of_a_copy_is_ignored_once_its_original_has_stopped(
    steady_up: Any, copy: Path
) -> None:
    data = DataDirectory(copy)
    record = json.loads(data.running.read_text())
    record["owner"]["started"] = "before"
    data.running.write_text(json.dumps(record))
    assert data.read_record() is None
    assert psutil.pid_exists(steady_up.process.pid)
