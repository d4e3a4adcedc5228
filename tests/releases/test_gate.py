"""The gate exists twice, as pure rules and in the database; both always agree."""

from dataclasses import dataclass
from datetime import datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, insert, select, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from shared.access.products import Product
from shared.core.clock import database_now
from shared.core.database import Sessions
from shared.core.unit_of_work import UnitOfWork
from shared.releases.models import ReleaseWindow
from shared.releases.repository import released_components
from shared.releases.rules import ComponentFacts, Window, is_released, overlaps
from shared.results.models import Component
from tests.api.seeding import ADMINISTRATION, Seeded, seed_schools

SECONDS = st.sampled_from([-7200, -1, 0, 1, 7200])


@pytest.fixture(scope="module")
def seeded(sessions: Sessions) -> Seeded:
    with UnitOfWork(sessions) as unit:
        return seed_schools(unit.session)


@pytest.fixture(scope="module")
def seeded_engine(engine: Engine, seeded: Seeded) -> Engine:
    assert seeded.components
    return engine


@dataclass(frozen=True)
class Plan:
    """A window relative to now; `scope` is an index in `scopes_of`."""

    product: Product
    scope: int
    opens_in: int | None
    open_for: int | None
    never: bool

    def at(self, now: datetime, scopes: list[tuple[int | None, int | None]]) -> Window:
        opens_at = closes_at = None
        if self.opens_in is not None and not self.never:
            opens_at = now + timedelta(seconds=self.opens_in)
            if self.open_for is not None:
                closes_at = opens_at + timedelta(seconds=self.open_for)
        return Window(*scopes[self.scope], opens_at, closes_at, self.never)


PLANS = st.builds(
    Plan,
    product=st.sampled_from(Product),
    scope=st.integers(0, 6),
    opens_in=st.none() | SECONDS,
    open_for=st.none() | st.sampled_from([1, 7200]),
    never=st.sampled_from([False, False, True]),
)


def scopes_of(session: Session) -> list[tuple[int | None, int | None]]:
    components = session.execute(
        select(Component.target_group_id, Component.id).order_by(Component.id)
    ).all()
    groups = sorted({group for group, _ in components})
    of_components = [(None, component) for _, component in components]
    return [(None, None), *((group, None) for group in groups), *of_components]


def add(session: Session, window: Window, product: Product) -> None:
    session.execute(
        insert(ReleaseWindow).values(
            administration_id=ADMINISTRATION,
            product=product,
            target_group_id=window.target_group_id,
            component_id=window.component_id,
            opens_at=window.opens_at,
            closes_at=window.closes_at,
            never=window.never,
        )
    )


def released_by_view(session: Session, product: Product) -> set[int]:
    released = select(released_components.c.component_id)
    return set(session.scalars(released.where(released_components.c.product == product)))


def released_by_rule(
    session: Session, windows: list[Window], product: Product, at: datetime
) -> set[int]:
    return {
        component.id
        for component in session.scalars(select(Component))
        if is_released(
            windows,
            ComponentFacts(component.target_group_id, component.id, component.is_calibration),
            product,
            at,
        )
    }


@settings(max_examples=150, deadline=None, derandomize=True)
@given(plans=st.lists(PLANS, max_size=8))
def test_view_and_rule_release_the_same_components(
    seeded_engine: Engine, plans: list[Plan]
) -> None:
    with Session(seeded_engine) as session:
        now, scopes = database_now(session), scopes_of(session)
        windows: dict[Product, list[Window]] = {product: [] for product in Product}
        for plan in plans:
            window = plan.at(now, scopes)
            if not any(overlaps(other, window) for other in windows[plan.product]):
                add(session, window, plan.product)
                windows[plan.product].append(window)
        for product in Product:
            by_rule = released_by_rule(session, windows[product], product, now)
            assert released_by_view(session, product) == by_rule


@settings(max_examples=150, deadline=None, derandomize=True)
@given(first=PLANS, second=PLANS, is_same_scope=st.booleans())
def test_database_and_rule_reject_the_same_overlaps(
    seeded_engine: Engine, *, first: Plan, second: Plan, is_same_scope: bool
) -> None:
    with Session(seeded_engine) as session:
        now, scopes = database_now(session), scopes_of(session)
        windows = first.at(now, scopes), second.at(now, scopes)
        products = first.product, second.product
        if is_same_scope:
            one, other = windows
            other = Window(
                one.target_group_id, one.component_id, other.opens_at, other.closes_at, other.never
            )
            windows, products = (one, other), (first.product, first.product)
        add(session, windows[0], products[0])
        is_rejected = products[0] is products[1] and overlaps(*windows)
        assert overlaps(*windows) == overlaps(*reversed(windows))
        if is_rejected:
            with pytest.raises(IntegrityError, match="ex_release_windows_overlap"):
                add(session, windows[1], products[1])
        else:
            add(session, windows[1], products[1])


@pytest.mark.parametrize("product", Product)
def test_a_window_releases_components_of_its_own_product_only(
    session: Session, seeded: Seeded, product: Product
) -> None:
    add(session, Window(None, None, database_now(session), None, never=False), product)
    released = {name: released_by_view(session, name) for name in Product}
    without_calibration = {seeded.components[code] for code in ("LO4-LEZ", "LO4-WIS", "SO2A-LEZ")}
    assert released == {name: without_calibration if name is product else set() for name in Product}


@pytest.mark.parametrize("product", Product)
def test_a_window_that_names_a_calibration_releases_it_in_school_feedback_only(
    session: Session, seeded: Seeded, product: Product
) -> None:
    calibration = session.get_one(Component, seeded.components["SO2A-KAL"])
    opens_at = database_now(session)
    own = Window(None, calibration.id, opens_at, None, never=False)
    add(session, own, product)
    expected = {calibration.id} if product is Product.SCHOOL_FEEDBACK else set()
    assert released_by_view(session, product) == expected


@pytest.mark.usefixtures("seeded")
@pytest.mark.parametrize("opens_at", ["infinity", "-infinity"])
def test_an_effective_moment_is_finite(session: Session, opens_at: str) -> None:
    values = {"administration_id": ADMINISTRATION, "product": Product.TEST_VIEWING}
    with pytest.raises(IntegrityError, match="opens_at_finite"):
        session.execute(insert(ReleaseWindow).values(**values, opens_at=text(f"'{opens_at}'")))
