"""Ends what an earlier start left running because it was killed itself.

Call these only while holding the lock of the data directory: then nothing that runs in it has an
owner any more.
"""

import os
import signal
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path

import psutil

from embedded.data_directory import DataDirectory
from embedded.identity import ProcessIdentity
from embedded.service_user import Report, say_nothing

POSTGRES_PROCESS = "postgres"
VALKEY_PROCESS = "valkey-server"

_STOP_SIGNAL = {POSTGRES_PROCESS: signal.SIGINT, VALKEY_PROCESS: signal.SIGTERM}


def stop_leftovers(data: DataDirectory, report: Report = say_nothing) -> None:
    """Programs first, then the servers they use."""
    record = data.read_record()
    recorded = [process.identity for process in record.processes] if record else []
    servers = [*_working_in(data.postgres, POSTGRES_PROCESS)]
    servers += _working_in(data.valkey, VALKEY_PROCESS)
    known = {server.pid for server in servers}
    programs = [identity for identity in recorded if identity.pid not in known]
    families = [process for identity in programs for process in _family(identity)]
    if servers or families:
        report(f"{data.path}: stopping {len(servers) + len(families)} processes of a killed start")
    _end(families, signal.SIGTERM, seconds=5.0)
    end_servers(data.valkey, VALKEY_PROCESS)
    end_servers(data.postgres, POSTGRES_PROCESS)
    data.forget_running()


def end_servers(folder: Path, name: str) -> None:
    """Ends every server process `name` that works in the folder, also a child that lost its parent.

    A server is found by its working folder and not by a noted number, so it is found whatever was
    or was not written down about it.
    """
    _end(_working_in(folder, name), _STOP_SIGNAL[name], seconds=8.0)


def _working_in(folder: Path, name: str) -> list[psutil.Process]:
    here = str(folder.resolve())
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.NoSuchProcess, psutil.AccessDenied):
            if process.name() == name and process.cwd() == here:
                found.append(process)
    return found


def _family(identity: ProcessIdentity) -> Sequence[psutil.Process]:
    """The process and all below it; nothing when its number is another's by now."""
    if identity.pid == os.getpid() or not identity.is_alive():
        return []
    with suppress(psutil.NoSuchProcess):
        process = psutil.Process(identity.pid)
        return [process, *process.children(recursive=True)]
    return []


def _end(processes: Sequence[psutil.Process], stop: signal.Signals, *, seconds: float) -> None:
    """Asks those on top, which take those below along; kills what has not ended in time."""
    numbers = {process.pid for process in processes}
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            if process.ppid() not in numbers:
                process.send_signal(stop)
    _await_end(processes, seconds)
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    _await_end(processes, seconds)


def _await_end(processes: Iterable[psutil.Process], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while any(map(_runs, processes)) and time.monotonic() < deadline:
        time.sleep(0.02)


def _runs(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
