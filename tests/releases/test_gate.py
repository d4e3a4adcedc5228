"""The gate exists twice, as pure rules and in the database; both always agree."""

from collections.abc import Sequence
from dataclasses import asdict, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, delete, func, insert, select, text, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from shared.access.products import Product
from shared.core.clock import database_now
from shared.core.database import Sessions
from shared.core.unit_of_work import UnitOfWork
from shared.releases.models import ReleaseWindow
from shared.releases.openings import OpeningFacts
from shared.releases.repository import released_components
from shared.releases.rules import ComponentFacts, Gate, Recalled, Window, overlaps
from shared.results.models import Component
from tests.api.seeding import ADMINISTRATION, OTHER, SCHOOL, Seeded, seed_schools
from tests.releases.planned import OPENINGS, PLANS, SECONDS, TICK, Plan, PlannedOpening
from tests.releasing import (
    AddedManifest,
    add_opening,
    add_persons,
    add_recall,
    add_window,
    open_scope,
)


@pytest.fixture(scope="module")
def seeded(sessions: Sessions) -> Seeded:
    with UnitOfWork(sessions) as unit:
        return seed_schools(unit.session)


@pytest.fixture(scope="module")
def seeded_engine(engine: Engine, seeded: Seeded) -> Engine:
    assert seeded.components
    return engine


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
            administration_id=ADMINISTRATION, product=product, **asdict(window)
        )
    )


def released_by_view(session: Session, product: Product) -> set[int]:
    """Return the released components, which the function of the policies returns too."""
    released = select(released_components.c.component_id)
    found = set(session.scalars(released.where(released_components.c.product == product)))
    ids = func.unnest(func.released_component_ids(product))
    assert set(session.scalars(select(ids))) == found
    return found


def recalled_from(session: Session, product: Product) -> Sequence[str]:
    """Return the schools from which the product is recalled, as the row policies find them."""
    return session.scalars(select(func.unnest(func.recalled_schools(product)))).all()


def released_by_rule(
    session: Session, gate: Gate, product: Product, at: datetime, school_id: str | None = None
) -> set[int]:
    return {
        component.id
        for component in session.scalars(select(Component))
        if gate.is_released(
            ComponentFacts(component.target_group_id, component.id, component.is_calibration),
            product,
            at,
            school_id,
        )
    }


def add_facts(
    session: Session, opening: OpeningFacts, product: Product, recall_id: UUID | None = None
) -> None:
    manifests = [
        AddedManifest(
            manifest.epoch,
            manifest.is_complete,
            manifest.component_ids,
            b"%d" % number,
            approvals=[asdict(approval) for approval in manifest.approvals],
        )
        for number, manifest in enumerate(opening.manifests)
    ]
    add_opening(
        session,
        ADMINISTRATION,
        product,
        opening.opens_at,
        manifests,
        opening.planners,
        epoch=opening.epoch,
        approvals_needed=opening.approvals_needed,
        recall_id=recall_id,
    )


@settings(max_examples=150, deadline=None, derandomize=True)
@given(plans=st.lists(PLANS, max_size=8))
def test_view_and_rule_release_the_same_components(
    seeded_engine: Engine, plans: list[Plan]
) -> None:
    with Session(seeded_engine) as session:
        now, scopes = database_now(session), scopes_of(session)
        windows: dict[Product, list[Window]] = {product: [] for product in Product}
        for plan in plans:
            window = replace(plan.at(now, scopes), before_plans=True)
            if not any(overlaps(other, window) for other in windows[plan.product]):
                add(session, window, plan.product)
                windows[plan.product].append(window)
        for product in Product:
            by_rule = released_by_rule(session, Gate(windows[product]), product, now)
            assert released_by_view(session, product) == by_rule


@settings(max_examples=100, deadline=None, derandomize=True)
@given(
    plans=st.lists(PLANS, min_size=1, max_size=4),
    openings=st.lists(OPENINGS, min_size=4, max_size=4),
    recalls=st.lists(st.tuples(st.integers(0, 8), st.none() | OPENINGS, SECONDS), max_size=2),
)
def test_view_and_rule_open_with_the_same_approvals_and_close_with_the_same_recalls(
    seeded_engine: Engine,
    plans: list[Plan],
    openings: list[PlannedOpening],
    recalls: list[tuple[int, PlannedOpening | None, int]],
) -> None:
    product = Product.STUDENT_FEEDBACK
    with Session(seeded_engine) as session:
        now, scopes = database_now(session), scopes_of(session)
        persons = add_persons(session, "first", "second", "third")
        components = sorted(session.scalars(select(Component.id)))
        windows: list[Window] = []
        facts: list[OpeningFacts] = []
        recalled: list[Recalled] = []
        for plan, planned in zip(plans, openings, strict=False):
            window = plan.at(now, scopes)
            if any(overlaps(other, window) for other in windows):
                continue
            add(session, window, product)
            windows.append(window)
            if window.opens_at is None or window.opens_at in {one.opens_at for one in facts}:
                continue
            facts.append(planned.at(window.opens_at, persons, components))
            add_facts(session, facts[-1], product)
        for scope, reopening, reopens_in in recalls:
            of_scope = scope_of_recall(scopes, scope)
            recall_id = add_recall(session, ADMINISTRATION, product, **of_scope)
            ends = None
            if reopening is not None:
                reopens_at = now + timedelta(seconds=reopens_in)
                ends = reopening.at(reopens_at, persons, components)
                add_facts(session, ends, product, recall_id)
            recalled.append(Recalled(**of_scope, reopening=ends))
        gate = Gate(windows, facts, recalled)
        assert released_by_view(session, product) == released_by_rule(session, gate, product, now)
        assert set(recalled_from(session, product)) == {
            f"{ADMINISTRATION}/{one.school_id}"
            for one in recalled
            if one.school_id is not None and one.is_active(now)
        }


def scope_of_recall(scopes: list[tuple[int | None, int | None]], index: int) -> dict[str, Any]:
    if index >= len(scopes):
        return {"school_id": (SCHOOL, OTHER)[index - len(scopes)]}
    target_group_id, component_id = scopes[index]
    return {"target_group_id": target_group_id, "component_id": component_id}


@pytest.mark.usefixtures("seeded")
def test_nothing_opens_that_opens_after_the_limit_of_the_gate(session: Session) -> None:
    opens_at = database_now(session) - timedelta(hours=1)
    opening = Window(None, None, opens_at, None, never=False, before_plans=True)
    add(session, opening, Product.STUDENT_FEEDBACK)
    for limit, is_open in ((0, True), (-1, False)):
        at = opens_at + timedelta(microseconds=limit)
        session.execute(
            text("select set_config('toetsfeedback.gate_limit', :at, true)"), {"at": str(at)}
        )
        assert bool(released_by_view(session, Product.STUDENT_FEEDBACK)) is is_open


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
    opens_at = database_now(session)
    add(session, Window(None, None, opens_at, None, never=False, before_plans=True), product)
    released = {name: released_by_view(session, name) for name in Product}
    without_calibration = {seeded.components[code] for code in ("LO4-LEZ", "LO4-WIS", "SO2A-LEZ")}
    assert released == {name: without_calibration if name is product else set() for name in Product}


@pytest.mark.parametrize("product", Product)
def test_a_window_that_names_a_calibration_releases_it_in_school_feedback_only(
    session: Session, seeded: Seeded, product: Product
) -> None:
    calibration = session.get_one(Component, seeded.components["SO2A-KAL"])
    opens_at = database_now(session)
    own = Window(None, calibration.id, opens_at, None, never=False, before_plans=True)
    add(session, own, product)
    expected = {calibration.id} if product is Product.SCHOOL_FEEDBACK else set()
    assert released_by_view(session, product) == expected


@pytest.mark.usefixtures("seeded")
@pytest.mark.parametrize("opens_at", ["infinity", "-infinity"])
def test_an_effective_moment_is_finite(session: Session, opens_at: str) -> None:
    values = {"administration_id": ADMINISTRATION, "product": Product.TEST_VIEWING}
    with pytest.raises(IntegrityError, match="opens_at_finite"):
        session.execute(insert(ReleaseWindow).values(**values, opens_at=text(f"'{opens_at}'")))


@pytest.mark.parametrize("product", Product)
def test_two_approvals_open_a_product_until_it_is_recalled(
    session: Session, seeded: Seeded, product: Product
) -> None:
    open_scope(session, ADMINISTRATION, product)
    components = {seeded.components[code] for code in ("LO4-LEZ", "LO4-WIS", "SO2A-LEZ")}
    assert released_by_view(session, product) == components
    add_recall(session, ADMINISTRATION, product, component_id=seeded.components["LO4-WIS"])
    assert released_by_view(session, product) == components - {seeded.components["LO4-WIS"]}
    add_recall(session, ADMINISTRATION, product, target_group_id=seeded.target_groups["LO4"])
    assert released_by_view(session, product) == {seeded.components["SO2A-LEZ"]}
    add_recall(session, ADMINISTRATION, product)
    assert released_by_view(session, product) == set()


@pytest.mark.usefixtures("seeded")
def test_a_window_of_before_with_another_moment_needs_approvals(session: Session) -> None:
    opens_at = database_now(session) - timedelta(hours=1)
    add_window(session, ADMINISTRATION, opens_at=opens_at)
    assert released_by_view(session, Product.STUDENT_FEEDBACK)
    session.execute(update(ReleaseWindow).values(closes_at=opens_at + timedelta(days=1)))
    assert released_by_view(session, Product.STUDENT_FEEDBACK)
    session.execute(update(ReleaseWindow).values(opens_at=opens_at + TICK))
    assert not released_by_view(session, Product.STUDENT_FEEDBACK)


def test_an_opening_opens_the_components_of_its_manifest_only(
    session: Session, seeded: Seeded
) -> None:
    """A window that decides about further components later opens nothing."""
    product = Product.STUDENT_FEEDBACK
    component = seeded.components["LO4-WIS"]
    own = add_window(session, ADMINISTRATION, component="LO4-WIS", before_plans=False, never=True)
    open_scope(session, ADMINISTRATION, product, without={component})
    session.execute(delete(ReleaseWindow).where(ReleaseWindow.id == own))
    assert component not in released_by_view(session, product)
