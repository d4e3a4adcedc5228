"""The OpenID provider for development starts in an instance for development alone."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from embedded.data_directory import DataDirectory
from tests.journeys.conftest import Instance

pytestmark = [pytest.mark.journey, pytest.mark.xdist_group("cli")]


def provider_in(data: Path) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "services.cli.main", "provider", "--port", "30999"]
    return subprocess.run(
        [*command, "--data", str(data)], capture_output=True, text=True, check=False, timeout=60
    )


def test_provider_is_refused_without_an_instance(tmp_path: Path) -> None:
    refused = provider_in(tmp_path / "nothing")
    assert refused.returncode == 1
    assert "runs no PostgreSQL of its own" in refused.stderr


def test_provider_is_refused_where_postgres_was_not_started(instance: Instance) -> None:
    data, running = DataDirectory(instance.data), instance.running()
    others = tuple(one for one in running.processes if one.name != "postgres")
    data.write_running(replace(running, processes=others))
    try:
        refused = provider_in(instance.data)
    finally:
        data.write_running(running)
    assert refused.returncode == 1
    assert "runs no PostgreSQL of its own" in refused.stderr
