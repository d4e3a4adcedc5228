"""The gate is stated twice, as a rule and in SQL; the two never differ."""

from dataclasses import dataclass
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, insert, select
from sqlalchemy.orm import Session

from shared.access.products import STUDENT_FEEDBACK
from shared.core.clock import database_now
from shared.core.database import Sessions
from shared.core.unit_of_work import UnitOfWork
from shared.releases.models import ReleaseWindow
from shared.releases.repository import released_components
from shared.releases.rules import Window, is_released
from shared.results.models import Component
from tests.api.seeding import ADMINISTRATION, Seeded, seed_schools

SECONDS = st.sampled_from([-7200, -1, 0, 1, 7200])


@pytest.fixture(scope="module")
def seeded(sessions: Sessions) -> Seeded:
    with UnitOfWork(sessions) as unit:
        return seed_schools(unit.session)


@pytest.fixture(scope="module")
def connected(engine: Engine, seeded: Seeded) -> Engine:
    assert seeded.components
    return engine


@dataclass(frozen=True)
class Plan:
    """A window relative to now; `scope` picks one of the scopes there are."""

    scope: int
    opens_in: int | None
    open_for: int | None
    never: bool


PLANS = st.lists(
    st.builds(
        Plan,
        scope=st.integers(0, 6),
        opens_in=st.none() | SECONDS,
        open_for=st.none() | st.sampled_from([1, 7200]),
        never=st.booleans(),
    ),
    unique_by=lambda plan: plan.scope,
    max_size=5,
)


def scopes(session: Session) -> list[tuple[int | None, int | None]]:
    components = session.execute(
        select(Component.target_group_id, Component.id).order_by(Component.id)
    ).all()
    groups = sorted({group for group, _ in components})
    of_components = [(group, component) for group, component in components]
    return [(None, None), *((group, None) for group in groups), *of_components]


def add(session: Session, plan: Plan) -> Window:
    now = database_now(session)
    group, component = scopes(session)[plan.scope]
    opens_at = closes_at = None
    if plan.opens_in is not None and not plan.never:
        opens_at = now + timedelta(seconds=plan.opens_in)
        if plan.open_for is not None:
            closes_at = opens_at + timedelta(seconds=plan.open_for)
    session.execute(
        insert(ReleaseWindow).values(
            administration_id=ADMINISTRATION,
            product=STUDENT_FEEDBACK,
            target_group_id=group,
            component_id=component,
            opens_at=opens_at,
            closes_at=closes_at,
            never=plan.never,
        )
    )
    return Window(group, component, opens_at, closes_at, plan.never)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(plans=PLANS)
def test_the_view_opens_what_the_rule_opens(connected: Engine, plans: list[Plan]) -> None:
    with Session(connected) as session:
        windows = [add(session, plan) for plan in plans]
        at = database_now(session)
        by_view = set(
            session.scalars(
                select(released_components.c.component_id).where(
                    released_components.c.product == STUDENT_FEEDBACK
                )
            )
        )
        by_rule = {
            component.id
            for component in session.scalars(select(Component))
            if is_released(
                windows,
                component.target_group_id,
                component.id,
                is_calibration=component.is_calibration,
                at=at,
            )
        }
        assert by_view == by_rule
