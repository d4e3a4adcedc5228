"""The sweeper runs its tasks, and one that repeats without a pause until nothing is left."""

from datetime import timedelta
from threading import Event

from services.worker.sweeper import PeriodicTask, Sweeper
from shared.core.database import Sessions
from shared.core.unit_of_work import UnitOfWork

INTERVAL = timedelta(seconds=1)
PARTS, WAIT_SECONDS = 30, 20
"""With a pause between two parts, they would take ten seconds longer than the wait."""


def test_a_task_that_repeats_does_all_parts_each_in_its_own_unit(sessions: Sessions) -> None:
    left, units, is_done = PARTS, list[UnitOfWork](), Event()

    def do_a_part(unit: UnitOfWork) -> int:
        nonlocal left
        units.append(unit)
        if not left:
            is_done.set()
            return 0
        left -= 1
        return 1

    sweeper = Sweeper(sessions, PeriodicTask("parts", INTERVAL, do_a_part, repeats=True))
    sweeper.start()
    try:
        assert is_done.wait(WAIT_SECONDS)
    finally:
        sweeper.stop()
    assert left == 0
    assert len(set(map(id, units[: PARTS + 1]))) == PARTS + 1
