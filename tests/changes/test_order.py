"""Numbers of change events: in the order in which they become visible, without gaps."""

import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from time import sleep

import pytest
from sqlalchemy import text

from shared.access.products import Product
from shared.changes.repository import record_recall, remove_events
from shared.core.database import Sessions
from shared.core.unit_of_work import UnitOfWork
from tests.api.seeding import ADMINISTRATION, OTHER, SCHOOL
from tests.changes.conftest import Reader, events_of
from tests.releasing import add_recall

PRODUCT = Product.STUDENT_FEEDBACK

pytestmark = pytest.mark.usefixtures("release")


def recall(sessions: Sessions, *, waits: float = 0, fails: bool = False, **scope: str) -> None:
    """Recall and record it in one transaction, which waits before its commit or fails."""
    with UnitOfWork(sessions) as unit:
        made = add_recall(unit.session, ADMINISTRATION, PRODUCT, **scope)
        record_recall(unit.session, made)
        sleep(waits)
        if fails:
            unit.session.rollback()


def test_a_reader_always_sees_all_events_up_to_the_last(
    sessions: Sessions, reader_of: Callable[..., Reader]
) -> None:
    chance, reader = random.Random(1), reader_of()  # noqa: S311  # no secret
    acts = [(chance.random() / 50, chance.random() < 0.3) for _ in range(80)]
    kept = sum(not fails for _, fails in acts)
    with ThreadPoolExecutor(8) as pool:
        running = [pool.submit(recall, sessions, waits=waits, fails=fails) for waits, fails in acts]
        before: list[int] = []
        while len(before) < kept:
            numbers = [event.number for event in events_of(reader)]
            assert numbers == [*range(1, len(numbers) + 1)]
            assert len(numbers) >= len(before)
            before = numbers
    for act in running:
        act.result()
    times = reader.execute("select occurred_at from change_events order by number").fetchall()
    assert times == sorted(times)


def test_a_slow_transaction_delays_no_other(
    sessions: Sessions, reader_of: Callable[..., Reader]
) -> None:
    reader = reader_of()
    with UnitOfWork(sessions) as slow:
        made = add_recall(slow.session, ADMINISTRATION, PRODUCT, school_id=OTHER)
        record_recall(slow.session, made)
        recall(sessions, school_id=SCHOOL)
        assert [event.school_id for event in events_of(reader)] == [SCHOOL]
    assert [event.school_id for event in events_of(reader)] == [SCHOOL, OTHER]


@pytest.mark.parametrize(
    ("kind", "school", "seen"),
    [
        ("school", SCHOOL, [None, SCHOOL]),
        ("school", OTHER, [None, OTHER]),
        ("operator", "", [None, SCHOOL, OTHER]),
        ("integrator", "", [None]),
    ],
)
def test_events_of_a_school_are_for_those_that_reach_it(
    sessions: Sessions,
    reader_of: Callable[..., Reader],
    kind: str,
    school: str,
    seen: list[str | None],
) -> None:
    recall(sessions)
    for number in (SCHOOL, OTHER):
        recall(sessions, school_id=number)
    assert [event.school_id for event in events_of(reader_of(kind, school))] == seen


def test_old_events_are_removed_and_numbers_go_on(
    sessions: Sessions, reader_of: Callable[..., Reader]
) -> None:
    for _ in range(3):
        recall(sessions)
    with UnitOfWork(sessions) as unit:
        aged = text("update change_events set occurred_at = occurred_at - :by")
        unit.session.execute(aged, {"by": timedelta(days=401)})
        assert remove_events(unit.session) == 2
    recall(sessions)
    assert [event.number for event in events_of(reader_of())] == [3, 4]
