from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from shared.access.products import Product
from shared.audit.models import AuditEvent
from shared.core.errors import Conflict, InvalidInput
from shared.core.paging import PageSelection
from shared.core.unit_of_work import UnitOfWork
from shared.releases.rules import GateState
from shared.releases.service import (
    WindowPlan,
    change_window,
    create_window,
    list_windows,
    save_window,
)
from tests.api.seeding import ADMINISTRATION, seed_schools
from tests.callers import OPERATOR

OPENS = datetime(2024, 6, 21, 6, 0, tzinfo=UTC)
CLOSES = datetime(2024, 9, 13, 15, 0, tzinfo=UTC)
PLAN = WindowPlan(ADMINISTRATION, Product.STUDENT_FEEDBACK, opens_at=OPENS)
VIEWING = WindowPlan(ADMINISTRATION, Product.TEST_VIEWING, opens_at=OPENS, closes_at=CLOSES)


@pytest.fixture(autouse=True)
def catalogue(session: Session) -> None:
    seed_schools(session)


def test_saving_a_window_again_changes_the_same_window(unit: UnitOfWork) -> None:
    first = save_window(unit, OPERATOR, PLAN)
    second = save_window(unit, OPERATOR, replace(PLAN, closes_at=CLOSES))
    third = save_window(unit, OPERATOR, replace(PLAN, opens_at=None, never=True))
    assert first.window.id == second.window.id == third.window.id
    assert third.state is GateState.NEVER
    assert (third.window.opens_at, third.window.closes_at) == (None, None)
    assert list_windows(unit.session, ADMINISTRATION, PageSelection(10)).total == 1


def test_each_scope_has_its_own_window(unit: UnitOfWork) -> None:
    for plan in (
        PLAN,
        replace(PLAN, target_group="LO4"),
        replace(PLAN, component="LO4-LEZ"),
        replace(PLAN, component="LO4-WIS"),
        replace(PLAN, target_group="SO2A", component="SO2A-LEZ"),
    ):
        save_window(unit, OPERATOR, plan)
        save_window(unit, OPERATOR, plan)
    page = list_windows(unit.session, ADMINISTRATION, PageSelection(10))
    assert page.total == 5
    assert [(view.target_group, view.component) for view in page.rows] == [
        (None, None),
        ("LO4", None),
        ("LO4", "LO4-LEZ"),
        ("LO4", "LO4-WIS"),
        ("SO2A", "SO2A-LEZ"),
    ]


def test_windows_are_listed_in_pages(unit: UnitOfWork) -> None:
    save_window(unit, OPERATOR, PLAN)
    save_window(unit, OPERATOR, replace(PLAN, target_group="LO4"))
    page = list_windows(unit.session, None, PageSelection(1, 1))
    assert (page.total, [view.target_group for view in page.rows]) == (2, ["LO4"])


def test_every_change_of_a_window_is_recorded_in_the_audit_log(unit: UnitOfWork) -> None:
    save_window(unit, OPERATOR, PLAN)
    save_window(unit, OPERATOR, PLAN)
    unit.commit()
    actions = unit.session.scalars(
        select(AuditEvent.action).where(AuditEvent.organisation.is_(None)).order_by(AuditEvent.id)
    ).all()
    assert actions == ["createReleaseWindow", "changeReleaseWindow"]


@pytest.mark.parametrize(
    "plan",
    [
        WindowPlan("2025", Product.STUDENT_FEEDBACK),
        replace(PLAN, product="ranking"),  # type: ignore[arg-type]  # rejected
        replace(PLAN, component="none"),
        replace(PLAN, closes_at=OPENS),
        replace(PLAN, never=True),
    ],
)
def test_an_invalid_plan_is_rejected(unit: UnitOfWork, plan: WindowPlan) -> None:
    with pytest.raises(InvalidInput):
        save_window(unit, OPERATOR, plan)
    assert list_windows(unit.session, None, PageSelection(10)).total == 0


@pytest.mark.parametrize("product", Product)
def test_each_product_has_its_own_windows(unit: UnitOfWork, product: Product) -> None:
    save_window(unit, OPERATOR, replace(PLAN, never=True, opens_at=None, product=product))
    for other in Product:
        saved = save_window(unit, OPERATOR, replace(PLAN, product=other))
        assert (saved.window.product, saved.state) == (other, GateState.OPEN)
    assert list_windows(unit.session, ADMINISTRATION, PageSelection(10)).total == len(Product)


def test_a_scope_can_have_two_windows_that_do_not_overlap(unit: UnitOfWork) -> None:
    second = replace(VIEWING, opens_at=CLOSES, closes_at=CLOSES + timedelta(days=7))
    announced = replace(VIEWING, planned_from_at=CLOSES, opens_at=None, closes_at=None)
    for plan in (second, announced, VIEWING):
        create_window(unit, OPERATOR, plan)
    page = list_windows(unit.session, ADMINISTRATION, PageSelection(10))
    assert [view.window.opens_at for view in page.rows] == [OPENS, CLOSES, None]


@pytest.mark.parametrize(
    "times",
    [
        {"opens_at": CLOSES - timedelta(microseconds=1)},
        {"opens_at": OPENS, "closes_at": None},
        {"opens_at": None, "closes_at": None, "never": True},
    ],
)
def test_an_overlapping_window_is_rejected(unit: UnitOfWork, times: dict[str, Any]) -> None:
    create_window(unit, OPERATOR, VIEWING)
    later = replace(VIEWING, opens_at=CLOSES, closes_at=CLOSES + timedelta(days=7))
    with pytest.raises(Conflict) as on_create:
        create_window(unit, OPERATOR, replace(later, **times))
    window = create_window(unit, OPERATOR, later).window
    with pytest.raises(Conflict) as on_change:
        change_window(unit, OPERATOR, window.id, times)
    for rejected in (on_create, on_change):
        assert rejected.value.code == "releaseWindowExists"
    assert list_windows(unit.session, None, PageSelection(10)).total == 2


def test_a_window_can_be_changed_within_its_own_period(unit: UnitOfWork) -> None:
    window = create_window(unit, OPERATOR, VIEWING).window
    changed = change_window(unit, OPERATOR, window.id, {"closes_at": OPENS + timedelta(days=1)})
    assert changed.window.closes_at == OPENS + timedelta(days=1)


def test_saving_does_not_choose_between_two_windows(unit: UnitOfWork) -> None:
    create_window(unit, OPERATOR, VIEWING)
    create_window(unit, OPERATOR, replace(VIEWING, opens_at=CLOSES, closes_at=None))
    with pytest.raises(Conflict) as rejected:
        save_window(unit, OPERATOR, VIEWING)
    assert rejected.value.code == "severalReleaseWindows"
