"""Restarts, giving up, and stopping what does not want to stop, with real processes."""

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

from embedded.children import Child
from embedded.errors import EmbeddedError, StartInterruptedError
from embedded.identity import ProcessIdentity
from embedded.processes import Program
from embedded.supervisor import RestartPolicy, Supervisor

Eventually = Callable[[Callable[[], object]], bool]

FOREVER = "import time; time.sleep(600)"
STUBBORN = """
import signal, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
below = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
print(below.pid, flush=True)
time.sleep(600)
"""


def program(log: Path, code: str) -> Program:
    return Program(log.stem, log, [sys.executable, "-c", code], {}, lambda: True)


def supervise(said: list[str], policy: RestartPolicy | None = None) -> Supervisor:
    return Supervisor(said.append, lambda: None, policy)


def is_back(part: Program, killed: int) -> bool:
    return part.pid not in {killed, None}


def test_a_part_that_keeps_falling_is_given_up_after_growing_waits(tmp_path: Path) -> None:
    said: list[str] = []
    policy = RestartPolicy(first_delay=0.02, longest_delay=0.05, give_up_after=3)
    supervisor = supervise(said, policy)
    supervisor.start(program(tmp_path / "weak.log", "import time; time.sleep(0.3); exit(5)"))
    assert supervisor.watch() == 1
    assert [policy.delay(falls) for falls in (1, 2, 3)] == [0.02, 0.04, 0.05]
    assert sum("ended with exit code 5; it is started again" in line for line in said) == 3
    assert said[-1].startswith("weak fell 4 times in a row, so everything stops")
    assert str(tmp_path / "weak.log") in said[-1]
    supervisor.stop()


def test_falls_far_apart_are_not_counted_together(tmp_path: Path, eventually: Eventually) -> None:
    policy = RestartPolicy(first_delay=0.01, settled_after=0.2, give_up_after=1)
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
            assert eventually(partial(is_back, part, killed))
    finally:
        supervisor.request_stop()
        watching.join()
        supervisor.stop()
    assert codes == [0]
    assert not part.is_alive()


def test_parts_stop_in_reverse_order_and_a_group_together(tmp_path: Path) -> None:
    order: list[str] = []

    class Noted(Program):
        def request_stop(self) -> None:
            if self.is_alive():
                order.append(self.name)
            super().request_stop()

    def noted(name: str) -> Program:
        log = tmp_path / f"{name}.log"
        return Noted(name, log, [sys.executable, "-c", FOREVER], {}, lambda: True)

    supervisor = supervise([])
    supervisor.start(noted("first"))
    supervisor.start(noted("second"), noted("third"))
    supervisor.stop()
    assert list(dict.fromkeys(order)) == ["second", "third", "first"]


def test_a_part_that_ends_while_it_starts_is_an_error_that_names_its_log(tmp_path: Path) -> None:
    supervisor = supervise([])
    part = Program(
        "api", tmp_path / "api.log", [sys.executable, "-c", "exit(7)"], {}, lambda: False
    )
    with pytest.raises(EmbeddedError, match=r"api ended with exit code 7: .*api\.log says why"):
        supervisor.start(part)
    supervisor.stop()


def test_a_stop_asked_for_during_the_start_breaks_it_off(tmp_path: Path) -> None:
    supervisor = supervise([])
    part = Program("api", tmp_path / "api.log", [sys.executable, "-c", FOREVER], {}, lambda: False)
    timer = threading.Timer(0.3, supervisor.request_stop)
    timer.start()
    with pytest.raises(StartInterruptedError):
        supervisor.start(part)
    timer.join()
    supervisor.stop()
    assert not part.is_alive()


def test_a_child_that_does_not_stop_is_killed_with_all_below_it(
    tmp_path: Path, eventually: Eventually
) -> None:
    child = Child("child", tmp_path / "c.log", [(signal.SIGTERM, 0.3), (signal.SIGKILL, 5.0)])
    child.spawn([sys.executable, "-c", STUBBORN], dict(os.environ))
    assert eventually(lambda: child.said().strip())
    below = psutil.Process(int(child.said()))
    child.finish_stop()
    assert child.how_it_ended() == "was ended by signal 9"
    assert eventually(lambda: not below.is_running() or below.status() == psutil.STATUS_ZOMBIE)


def test_a_frozen_child_is_ended_too(tmp_path: Path) -> None:
    child = Child("child", tmp_path / "c.log", [(signal.SIGTERM, 0.2), (signal.SIGKILL, 5.0)])
    child.spawn([sys.executable, "-c", FOREVER], dict(os.environ))
    assert child.pid is not None
    os.kill(child.pid, signal.SIGSTOP)
    child.finish_stop()
    assert not child.is_alive()


def test_a_second_wish_to_stop_makes_haste(tmp_path: Path, eventually: Eventually) -> None:
    supervisor = supervise([])
    part = program(tmp_path / "stubborn.log", STUBBORN)
    supervisor.start(part)
    assert eventually(lambda: part.said().strip())
    supervisor.request_stop()
    supervisor.request_stop()
    stopping = threading.Thread(target=supervisor.stop)
    stopping.start()
    stopping.join(timeout=3)
    assert not stopping.is_alive()
    assert not part.is_alive()


def test_a_number_given_to_another_process_is_not_the_one_that_was_meant() -> None:
    with subprocess.Popen([sys.executable, "-c", FOREVER]) as process:
        identity = ProcessIdentity.of(process.pid)
        assert identity is not None
        assert identity.is_alive()
        assert not ProcessIdentity(process.pid, identity.started + "0").is_alive()
        process.kill()
    assert not identity.is_alive()
    assert ProcessIdentity.of(process.pid) is None
