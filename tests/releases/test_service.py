from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy.orm import Session

from shared.access.products import Product
from shared.core.clock import database_now
from shared.core.paging import PageSelection
from shared.releases.rules import GateState
from shared.releases.service import list_windows
from tests.api.seeding import ADMINISTRATION, seed_schools
from tests.releasing import add_recall, add_window, open_scope

PRODUCT = Product.STUDENT_FEEDBACK
OPENS = datetime(2024, 6, 21, 6, 0, tzinfo=UTC)
CLOSES = datetime(2024, 9, 13, 15, 0, tzinfo=UTC)


@pytest.fixture(autouse=True)
def catalogue(session: Session) -> None:
    seed_schools(session)


def states(session: Session) -> list[GateState]:
    page = list_windows(session, ADMINISTRATION, PageSelection(10))
    return [view.state for view in page.rows]


def test_windows_are_listed_with_the_codes_of_their_scope(session: Session) -> None:
    scopes: list[dict[str, Any]] = [
        {},
        {"target_group": "LO4"},
        {"component": "LO4-LEZ"},
        {"component": "LO4-WIS"},
        {"component": "SO2A-LEZ"},
    ]
    for scope in scopes:
        add_window(session, ADMINISTRATION, PRODUCT, opens_at=OPENS, **scope)
    page = list_windows(session, ADMINISTRATION, PageSelection(10))
    assert page.total == 5
    assert [(view.target_group, view.component) for view in page.rows] == [
        (None, None),
        ("LO4", None),
        ("LO4", "LO4-LEZ"),
        ("LO4", "LO4-WIS"),
        ("SO2A", "SO2A-LEZ"),
    ]


def test_windows_of_a_scope_are_listed_by_their_moment(session: Session) -> None:
    add_window(session, ADMINISTRATION, PRODUCT, planned_from_at=CLOSES)
    add_window(session, ADMINISTRATION, PRODUCT, opens_at=CLOSES)
    add_window(session, ADMINISTRATION, PRODUCT, opens_at=OPENS, closes_at=CLOSES)
    page = list_windows(session, ADMINISTRATION, PageSelection(10))
    assert [view.window.opens_at for view in page.rows] == [OPENS, CLOSES, None]


def test_windows_are_listed_in_pages(session: Session) -> None:
    add_window(session, ADMINISTRATION, PRODUCT)
    add_window(session, ADMINISTRATION, PRODUCT, target_group="LO4")
    page = list_windows(session, None, PageSelection(1, 1))
    assert (page.total, [view.target_group for view in page.rows]) == (2, ["LO4"])


def test_a_window_without_approvals_is_blocked(session: Session) -> None:
    opens_at = database_now(session) - timedelta(seconds=1)
    add_window(session, ADMINISTRATION, PRODUCT, before_plans=False, opens_at=opens_at)
    assert states(session) == [GateState.BLOCKED]


def test_a_window_with_approvals_is_open_until_a_recall_of_all_it_opens(session: Session) -> None:
    open_scope(session, ADMINISTRATION, PRODUCT)
    assert states(session) == [GateState.OPEN]
    add_recall(session, ADMINISTRATION, Product.TEST_VIEWING)
    add_recall(session, ADMINISTRATION, PRODUCT, school_id="000028")
    assert states(session) == [GateState.OPEN]
    add_recall(session, ADMINISTRATION, PRODUCT)
    assert states(session) == [GateState.RECALLED]
