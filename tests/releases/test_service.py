from dataclasses import replace
from datetime import UTC, datetime

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from shared.audit.models import AuditEvent
from shared.core.errors import InvalidInput
from shared.core.unit_of_work import UnitOfWork
from shared.releases.rules import GateState
from shared.releases.service import WindowPlan, list_windows, save_window
from tests.api.seeding import ADMINISTRATION, seed_schools
from tests.callers import OPERATOR

OPENS = datetime(2024, 6, 21, 6, 0, tzinfo=UTC)
CLOSES = datetime(2024, 9, 13, 15, 0, tzinfo=UTC)
PLAN = WindowPlan(ADMINISTRATION, opens_at=OPENS)


@pytest.fixture(autouse=True)
def catalogue(session: Session) -> None:
    seed_schools(session)


def test_a_window_is_saved_once_however_often_it_is_asked_for(unit: UnitOfWork) -> None:
    first = save_window(unit, OPERATOR, PLAN)
    second = save_window(unit, OPERATOR, replace(PLAN, closes_at=CLOSES))
    third = save_window(unit, OPERATOR, replace(PLAN, opens_at=None, never=True))
    assert first.window.id == second.window.id == third.window.id
    assert third.state is GateState.NEVER
    assert (third.window.opens_at, third.window.closes_at) == (None, None)
    assert list_windows(unit.session, ADMINISTRATION, 0, 10)[0] == 1


def test_windows_of_other_scopes_stand_beside_each_other(unit: UnitOfWork) -> None:
    for plan in (
        PLAN,
        replace(PLAN, target_group="LO4"),
        replace(PLAN, component="LO4-LEZ"),
        replace(PLAN, component="LO4-WIS"),
        replace(PLAN, target_group="SO2A", component="SO2A-LEZ"),
    ):
        save_window(unit, OPERATOR, plan)
        save_window(unit, OPERATOR, plan)
    total, views = list_windows(unit.session, ADMINISTRATION, 0, 10)
    assert total == 5
    assert [(view.target_group, view.component) for view in views] == [
        (None, None),
        ("LO4", None),
        ("LO4", "LO4-LEZ"),
        ("LO4", "LO4-WIS"),
        ("SO2A", "SO2A-LEZ"),
    ]


def test_windows_come_in_pages(unit: UnitOfWork) -> None:
    save_window(unit, OPERATOR, PLAN)
    save_window(unit, OPERATOR, replace(PLAN, target_group="LO4"))
    total, views = list_windows(unit.session, None, 1, 1)
    assert (total, [view.target_group for view in views]) == (2, ["LO4"])


def test_every_change_of_a_window_is_on_the_trail(unit: UnitOfWork) -> None:
    save_window(unit, OPERATOR, PLAN)
    save_window(unit, OPERATOR, PLAN)
    unit.commit()
    actions = unit.session.scalars(select(AuditEvent.action).order_by(AuditEvent.id)).all()
    assert actions == ["createReleaseWindow", "changeReleaseWindow"]


@pytest.mark.parametrize(
    "plan",
    [
        WindowPlan("2025"),
        replace(PLAN, product="ranking"),
        replace(PLAN, component="none"),
        replace(PLAN, closes_at=OPENS),
        replace(PLAN, never=True),
    ],
)
def test_a_plan_that_makes_no_sense_is_refused(unit: UnitOfWork, plan: WindowPlan) -> None:
    with pytest.raises(InvalidInput):
        save_window(unit, OPERATOR, plan)
    assert list_windows(unit.session, None, 0, 10)[0] == 0
