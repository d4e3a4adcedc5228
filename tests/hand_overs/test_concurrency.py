"""Hand-overs at the same time, each on a connection of the API of its own."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import TypeVar
from uuid import UUID

import pytest
from sqlalchemy import delete, select

from shared.core.clock import database_today
from shared.core.database import Sessions
from shared.core.errors import Conflict
from shared.core.unit_of_work import UnitOfWork
from shared.hand_overs.declarations.rules import open_school_years
from shared.hand_overs.declarations.service import declare
from shared.hand_overs.models import HandOver, HandOverWithdrawal
from shared.hand_overs.rules import Means
from shared.hand_overs.service import (
    NewHandOvers,
    RecordedHandOvers,
    record_hand_overs,
    withdraw_hand_overs,
)
from tests.api.seeding import ADMINISTRATION, SCHOOL, Seeded
from tests.callers import school_request
from tests.hand_overs.conftest import OpenUnit

ACCESS = school_request(SCHOOL)
AT_A_TIME = 8
Outcome = TypeVar("Outcome")
CLASS_GROUP = NewHandOvers(ADMINISTRATION, Means.PRINTED, class_group="4A")


@pytest.fixture(autouse=True)
def _no_hand_overs(sessions: Sessions, seeded: Seeded) -> Iterator[None]:  # noqa: ARG001  # rows to hand over
    yield
    with UnitOfWork(sessions) as unit:
        unit.session.execute(delete(HandOver))


def at_the_same_time(
    open_unit: OpenUnit, act: Callable[[UnitOfWork, int], Outcome]
) -> list[Outcome]:
    """Return the outcomes of requests that begin together, each with its number."""
    barrier = Barrier(AT_A_TIME)

    def run(number: int) -> Outcome:
        with open_unit() as unit:
            unit.session.execute(select(1))
            barrier.wait()
            return act(unit, number)

    with ThreadPoolExecutor(AT_A_TIME) as pool:
        return list(pool.map(run, range(AT_A_TIME)))


def recorded(sessions: Sessions) -> list[tuple[UUID, int]]:
    with UnitOfWork(sessions) as unit:
        query = select(HandOver.student_id, HandOver.number)
        return [(student, number) for student, number in unit.session.execute(query)]


@pytest.mark.usefixtures("open_now")
def test_a_class_group_is_handed_over_once(
    open_unit: OpenUnit, sessions: Sessions, seeded: Seeded
) -> None:
    def record(unit: UnitOfWork, number: int) -> RecordedHandOvers:
        student_ids = [seeded.students[label] for label in ("second", "first")]
        named = NewHandOvers(ADMINISTRATION, Means.DIGITAL, student_ids=student_ids)
        return record_hand_overs(unit, ACCESS, named if number % 2 else CLASS_GROUP)

    outcomes = at_the_same_time(open_unit, record)
    assert sorted(len(outcome.hand_over_ids) for outcome in outcomes) == [0] * 7 + [2]
    assert {len(outcome.hand_over_ids) + outcome.unchanged for outcome in outcomes} == {2}
    expected = {(seeded.students[label], 1) for label in ("first", "second")}
    assert set(recorded(sessions)) == expected
    assert len(recorded(sessions)) == len(expected)


@pytest.mark.usefixtures("open_now")
def test_a_hand_over_is_withdrawn_once(open_unit: OpenUnit, sessions: Sessions) -> None:
    with open_unit() as unit:
        ids = record_hand_overs(unit, ACCESS, CLASS_GROUP).hand_over_ids
    at_the_same_time(open_unit, lambda unit, _: withdraw_hand_overs(unit, ACCESS, ids))
    with UnitOfWork(sessions) as unit:
        withdrawn = unit.session.scalars(select(HandOverWithdrawal.hand_over_id)).all()
    assert sorted(withdrawn) == sorted(ids)


@pytest.mark.usefixtures("open_now")
def test_every_hand_over_after_a_withdrawal_has_the_next_number(
    open_unit: OpenUnit, sessions: Sessions
) -> None:
    def record_and_withdraw(unit: UnitOfWork, _: int) -> None:
        ids = record_hand_overs(unit, ACCESS, CLASS_GROUP).hand_over_ids
        withdraw_hand_overs(unit, ACCESS, ids)

    at_the_same_time(open_unit, record_and_withdraw)
    numbers = sorted(number for _, number in recorded(sessions))
    assert numbers == sorted([*range(1, AT_A_TIME + 1)] * 2)


def test_one_declaration_is_made_about_a_school_year(open_unit: OpenUnit) -> None:
    def declares(unit: UnitOfWork, _: int) -> bool:
        school_year = open_school_years(database_today(unit.session))[0]
        try:
            declare(unit, ACCESS, school_year, None)
        except Conflict:
            return False
        return True

    assert sorted(at_the_same_time(open_unit, declares)) == [False] * 7 + [True]
