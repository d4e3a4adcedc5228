"""Restarts, repeated failures and forced stops, with real processes."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path

import psutil
import pytest

from embedded.child_process import LOG_ROTATION_BYTES, ChildProcess
from embedded.errors import EmbeddedError, StartInterruptedError
from embedded.process_identity import ProcessIdentity
from embedded.programs import Program
from embedded.supervisor import RestartPolicy, Supervisor

Eventually = Callable[[Callable[[], object]], bool]

FOREVER = "import time; time.sleep(600)"
IGNORES_SIGTERM = """
import signal, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
descendant = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
print(descendant.pid, flush=True)
time.sleep(600)
"""


def program(log: Path, code: str) -> Program:
    return Program(log.stem, log, [sys.executable, "-c", code], {}, lambda: True)


def supervise(reports: list[str], policy: RestartPolicy | None = None) -> Supervisor:
    return Supervisor(reports.append, lambda: None, policy)


def is_restarted(part: Program, killed: int) -> bool:
    return part.pid not in {killed, None}


def test_repeated_failures_stop_everything_after_increasing_delays(tmp_path: Path) -> None:
    reports: list[str] = []
    policy = RestartPolicy(initial_delay=0.02, max_delay=0.05, max_failures=3)
    supervisor = supervise(reports, policy)
    supervisor.start(program(tmp_path / "weak.log", "import time; time.sleep(0.3); exit(5)"))
    assert supervisor.watch() == 1
    assert [policy.delay(failures) for failures in (1, 2, 3)] == [0.02, 0.04, 0.05]
    assert sum("exited with code 5; restarting" in line for line in reports) == 3
    assert reports[-1].startswith("weak failed 4 times in a row; stopping everything")
    assert str(tmp_path / "weak.log") in reports[-1]
    supervisor.stop()


def test_failures_after_a_stable_run_are_not_consecutive(
    tmp_path: Path, eventually: Eventually
) -> None:
    policy = RestartPolicy(initial_delay=0.01, stable_after=0.2, max_failures=1)
    supervisor = supervise([], policy)
    part = program(tmp_path / "sturdy.log", FOREVER)
    supervisor.start(part)
    codes: list[int] = []
    watching = threading.Thread(target=lambda: codes.append(supervisor.watch()))
    watching.start()
    try:
        for _ in range(3):
            killed = part.pid
            assert killed is not None
            threading.Event().wait(0.6)
            os.kill(killed, signal.SIGKILL)
            assert eventually(partial(is_restarted, part, killed))
    finally:
        supervisor.request_stop()
        watching.join()
        supervisor.stop()
    assert codes == [0]
    assert not part.is_alive()


def test_groups_stop_in_reverse_order(tmp_path: Path) -> None:
    order: list[str] = []

    class RecordedProgram(Program):
        def request_stop(self) -> None:
            if self.is_alive():
                order.append(self.name)
            super().request_stop()

    def recorded(name: str) -> Program:
        log = tmp_path / f"{name}.log"
        return RecordedProgram(name, log, [sys.executable, "-c", FOREVER], {}, lambda: True)

    supervisor = supervise([])
    supervisor.start(recorded("first"))
    supervisor.start(recorded("second"), recorded("third"))
    supervisor.stop()
    assert list(dict.fromkeys(order)) == ["second", "third", "first"]


def test_exit_during_the_start_is_an_error_with_the_path_of_the_log(tmp_path: Path) -> None:
    supervisor = supervise([])
    part = Program(
        "api", tmp_path / "api.log", [sys.executable, "-c", "exit(7)"], {}, lambda: False
    )
    with pytest.raises(EmbeddedError, match=r"api exited with code 7; see .*api\.log"):
        supervisor.start(part)
    supervisor.stop()


def test_stop_request_interrupts_the_start(tmp_path: Path) -> None:
    supervisor = supervise([])
    part = Program("api", tmp_path / "api.log", [sys.executable, "-c", FOREVER], {}, lambda: False)
    timer = threading.Timer(0.3, supervisor.request_stop)
    timer.start()
    with pytest.raises(StartInterruptedError):
        supervisor.start(part)
    timer.join()
    supervisor.stop()
    assert not part.is_alive()


def test_child_that_ignores_sigterm_is_killed_with_its_descendants(
    tmp_path: Path, eventually: Eventually
) -> None:
    child = ChildProcess(
        "child", tmp_path / "c.log", [(signal.SIGTERM, 0.3), (signal.SIGKILL, 5.0)]
    )
    child.spawn([sys.executable, "-c", IGNORES_SIGTERM], dict(os.environ))
    assert eventually(lambda: child.output().strip())
    descendant = psutil.Process(int(child.output()))
    child.finish_stop()
    assert child.exit_description() == "was killed by signal 9"
    assert eventually(
        lambda: not descendant.is_running() or descendant.status() == psutil.STATUS_ZOMBIE
    )


def test_stopped_child_is_killed(tmp_path: Path) -> None:
    child = ChildProcess(
        "child", tmp_path / "c.log", [(signal.SIGTERM, 0.2), (signal.SIGKILL, 5.0)]
    )
    child.spawn([sys.executable, "-c", FOREVER], dict(os.environ))
    assert child.pid is not None
    os.kill(child.pid, signal.SIGSTOP)
    child.finish_stop()
    assert not child.is_alive()


def test_second_stop_request_skips_the_waiting(tmp_path: Path, eventually: Eventually) -> None:
    supervisor = supervise([])
    part = program(tmp_path / "slow.log", IGNORES_SIGTERM)
    supervisor.start(part)
    assert eventually(lambda: part.output().strip())
    supervisor.request_stop()
    supervisor.request_stop()
    stopping = threading.Thread(target=supervisor.stop)
    stopping.start()
    stopping.join(timeout=3)
    assert not stopping.is_alive()
    assert not part.is_alive()


def test_process_identity_differs_for_a_reused_pid() -> None:
    with subprocess.Popen([sys.executable, "-c", FOREVER]) as process:
        identity = ProcessIdentity.of(process.pid)
        assert identity is not None
        assert identity.is_alive()
        assert not ProcessIdentity(process.pid, identity.started + "0").is_alive()
        process.kill()
    assert not identity.is_alive()
    assert ProcessIdentity.of(process.pid) is None


def test_a_large_log_is_rotated_while_its_process_runs(
    tmp_path: Path, eventually: Eventually
) -> None:
    log = tmp_path / "chatty.log"
    part = program(log, "while True: print('x' * 1000)")
    supervisor = supervise([])
    supervisor.start(part)
    watching = threading.Thread(target=supervisor.watch)
    watching.start()
    rotated = log.with_suffix(".log.1")
    try:
        assert eventually(lambda: rotated.exists() and log.stat().st_size < LOG_ROTATION_BYTES)
        pid, before = part.pid, log.stat().st_size
        assert pid is not None
        assert eventually(lambda: log.stat().st_size != before)
        assert part.pid == pid
        assert rotated.stat().st_mode & 0o077 == 0
        lines = rotated.read_text().split()
        assert lines.count("x" * 1000) >= len(lines) - 2  # the first and the last may be cut
    finally:
        supervisor.request_stop()
        watching.join()
        supervisor.stop()
