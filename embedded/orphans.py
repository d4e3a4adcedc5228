"""Cleanup of orphaned processes, whose owner was killed.

Call these functions only with the lock of the data directory: then no process in it has an owner.
"""

import os
import signal
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path

import psutil

from embedded.data_directory import DataDirectory
from embedded.process_identity import ProcessIdentity
from embedded.service_user import Report, no_report

POSTGRES_PROCESS = "postgres"
VALKEY_PROCESS = "valkey-server"

_STOP_SIGNAL = {POSTGRES_PROCESS: signal.SIGINT, VALKEY_PROCESS: signal.SIGTERM}


def stop_orphans(data: DataDirectory, report: Report = no_report) -> None:
    """Stop the orphaned programs, then the servers that they use."""
    record = data.read_record()
    recorded = [
        process.identity
        for process in (record.processes if record else ())
        if _writes_to(process.identity, data.log(process.name))
    ]
    servers = [*_processes_in(data.postgres, POSTGRES_PROCESS)]
    servers += _processes_in(data.valkey, VALKEY_PROCESS)
    server_pids = {server.pid for server in servers}
    roots = [identity for identity in recorded if identity.pid not in server_pids]
    programs = [process for identity in roots for process in _process_tree(identity)]
    if servers or programs:
        report(f"{data.path}: stopping {len(servers) + len(programs)} orphaned processes")
    _stop(programs, signal.SIGTERM, seconds=5.0)
    stop_servers(data.valkey, VALKEY_PROCESS)
    stop_servers(data.postgres, POSTGRES_PROCESS)
    data.remove_running()


def stop_servers(directory: Path, name: str) -> None:
    """Stop every server process `name` that runs in the directory, also one without a parent.

    Servers are found by their working directory, not by a recorded pid, which may be missing.
    """
    _stop(_processes_in(directory, name), _STOP_SIGNAL[name], seconds=8.0)


def _processes_in(directory: Path, name: str) -> list[psutil.Process]:
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.NoSuchProcess, psutil.AccessDenied):
            if process.name() == name and _works_in(process, directory):
                found.append(process)
    return found


def _works_in(process: psutil.Process, directory: Path) -> bool:
    """Compare the directories themselves: in a container, another one can have the same path."""
    with suppress(FileNotFoundError, PermissionError):
        link = Path(f"/proc/{process.pid}/cwd")
        return (link if link.exists() else Path(process.cwd())).samefile(directory)
    return False


def _writes_to(identity: ProcessIdentity, log: Path) -> bool:
    """Check that a recorded process runs, and really writes to its log in this directory."""
    with suppress(psutil.NoSuchProcess, psutil.AccessDenied, FileNotFoundError, PermissionError):
        if identity.is_alive():
            files = psutil.Process(identity.pid).open_files()
            return any(Path(file.path).samefile(log) for file in files if Path(file.path).exists())
    return False


def _process_tree(identity: ProcessIdentity) -> Sequence[psutil.Process]:
    """Return the process and its descendants; nothing if its pid was reused."""
    if identity.pid == os.getpid() or not identity.is_alive():
        return []
    with suppress(psutil.NoSuchProcess):
        process = psutil.Process(identity.pid)
        return [process, *process.children(recursive=True)]
    return []


def _stop(processes: Sequence[psutil.Process], stop: signal.Signals, *, seconds: float) -> None:
    """Send the signal to the topmost processes, which stop their children; kill after a timeout."""
    pids = {process.pid for process in processes}
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            if process.ppid() not in pids:
                process.send_signal(stop)
    _wait_for_exit(processes, seconds)
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    _wait_for_exit(processes, seconds)


def _wait_for_exit(processes: Iterable[psutil.Process], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while any(map(_is_running, processes)) and time.monotonic() < deadline:
        time.sleep(0.02)


def _is_running(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
