"""`up` as a process: start, restarts, stop and cleanup."""

import os
import signal
import stat
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import psutil
import psycopg
import pytest
import redis

from embedded.data_directory import DataDirectory
from embedded.running_instance import RunningInstance

StartUp = Callable[..., Any]
Eventually = Callable[[Callable[[], object]], bool]
ProcessesOf = Callable[[Path], list[psutil.Process]]

PROCESSES = {"postgres", "valkey", "api", "worker-1", "worker-2", "portal", "provider"}


def starts(instance: RunningInstance) -> int:
    with psycopg.connect(instance.database_url) as connection:
        row = connection.execute("select count(*) from starts").fetchone()
    return int(row[0]) if row else 0


def is_answering(instance: RunningInstance, name: str) -> bool:
    try:
        if name == "postgres":
            return starts(instance) > 0
        return bool(redis.Redis.from_url(instance.redis_url).ping())
    except (psycopg.OperationalError, redis.ConnectionError):
        return False


def test_stop_ends_every_process_and_keeps_the_data(
    start_up: StartUp, directory: Path, processes_of: ProcessesOf
) -> None:
    first = start_up(directory)
    instance = first.until_ready()
    assert {process.name for process in instance.processes} == PROCESSES
    code, output = first.stop(signal.SIGTERM)
    assert code == 0, output
    assert instance.api_url in output
    assert instance.database_url not in output  # it contains the password
    assert processes_of(directory) == []
    assert DataDirectory(directory).read_running() is None

    second = start_up(directory)
    again = second.until_ready()
    assert starts(again) == 2
    assert (again.environment, again.api_url) == (instance.environment, instance.api_url)
    # Like a terminal, which sends it to every process of the foreground group.
    code, output = second.stop(signal.SIGINT)
    assert code == 0, output
    assert processes_of(directory) == []


def test_killed_process_restarts_at_the_same_address(
    start_up: StartUp, directory: Path, eventually: Eventually
) -> None:
    up = start_up(directory)
    instance = up.until_ready()
    for name in sorted(PROCESSES):
        killed = up.pid_of(name)
        os.kill(killed, signal.SIGKILL)
        assert eventually(partial(up.is_restarted, name, killed))
        if name in {"postgres", "valkey"}:
            assert eventually(partial(is_answering, instance, name))
    code, output = up.stop()
    assert code == 0
    for name in PROCESSES:
        assert f"{name} was killed by signal 9; restarting" in output


def test_watchdog_stops_everything_after_up_is_killed(
    start_up: StartUp, directory: Path, processes_of: ProcessesOf, eventually: Eventually
) -> None:
    up = start_up(directory)
    up.until_ready()
    up.stop(signal.SIGKILL)
    assert eventually(lambda: processes_of(directory) == [])
    assert not DataDirectory(directory).running.exists()


def test_next_up_stops_orphaned_processes(
    start_up: StartUp, directory: Path, processes_of: ProcessesOf
) -> None:
    killed = start_up(directory)
    instance = killed.until_ready()
    for child in psutil.Process(killed.process.pid).children():
        if "embedded.watchdog" in child.cmdline():
            child.kill()
    killed.stop(signal.SIGKILL)
    orphans = {process.pid for process in processes_of(directory)}
    assert orphans >= {process.identity.pid for process in instance.processes}

    up = start_up(directory)
    again = up.until_ready()
    assert not orphans & {process.pid for process in processes_of(directory)}
    assert again.environment == instance.environment
    assert starts(again) == 2
    code, output = up.stop()
    assert code == 0
    assert "orphaned processes" in output
    assert processes_of(directory) == []


@pytest.mark.xdist_group("steady_up")
def test_second_up_on_the_same_directory_fails(
    steady_up: Any, start_up: StartUp, shared_directory: Path
) -> None:
    second = start_up(shared_directory)
    output, _ = second.process.communicate(timeout=20)
    assert second.process.returncode == 1
    assert f"the data directory {shared_directory} is in use" in output
    assert f"(process {steady_up.process.pid})" in output
    assert "choose another data directory" in output
    assert steady_up.process.poll() is None


@pytest.mark.xdist_group("steady_up")
def test_record_and_keys_are_private_to_the_owner(steady_up: Any, shared_directory: Path) -> None:
    environment = steady_up.until_ready().environment
    private = [shared_directory / "running.json", *(shared_directory / "keys").iterdir()]
    assert {stat.S_IMODE(path.stat().st_mode) for path in private} == {0o600}
    assert {path.name for path in private} == {
        *("running.json", "postgres-password", "valkey-password", "signing-key.pem", "insz-key"),
        *("manifest-key.pem", "provider.json", "viewing-key"),
    }
    key = Path(environment["TOETSFEEDBACK_SIGNING_KEYS"]).read_text()
    assert key.startswith("-----BEGIN PRIVATE KEY-----")
    assert len(bytes.fromhex(Path(environment["TOETSFEEDBACK_INSZ_KEY_FILE"]).read_text())) == 32
    folders = [path for path in shared_directory.iterdir() if path.is_dir()]
    assert {stat.S_IMODE(path.stat().st_mode) for path in folders} == {0o700}


@pytest.mark.parametrize(
    ("failing", "log"), [("migrate", "migrate.log"), ("worker", "worker-1.log")]
)
def test_failed_start_reports_the_log_and_leaves_no_process(
    start_up: StartUp, directory: Path, processes_of: ProcessesOf, failing: str, log: str
) -> None:
    up = start_up(directory, failing)
    output, _ = up.process.communicate(timeout=20)
    assert up.process.returncode == 1
    assert f"exited with code 3; see {directory / 'logs' / log}" in output
    assert processes_of(directory) == []


@pytest.mark.xdist_group("steady_up")
def test_server_in_the_environment_is_used_and_not_started(
    steady_up: Any, start_up: StartUp, directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = steady_up.until_ready()
    monkeypatch.setenv("TOETSFEEDBACK_DATABASE_URL", elsewhere.database_url)
    up = start_up(directory)
    instance = up.until_ready()
    assert instance.database_url == elsewhere.database_url
    assert up.pid_of("postgres") is None
    assert not (directory / "postgres").exists()
    assert starts(instance) == 2
    assert up.stop().code == 0
