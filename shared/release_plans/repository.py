"""SQL of release plans: windows as the plan writes them, and what the plan opens."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import Insert, func, insert, select, text, true, update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from shared.core.errors import Conflict
from shared.core.paging import ListOrder, Page, PageSelection, page_of_scalars
from shared.release_plans.rules import PlanChanges, ScopedWindow
from shared.releases.models import Opening, Recall, ReleaseWindow
from shared.releases.repository import released_components
from shared.releases.rules import ComponentFacts
from shared.results.models import Administration, Component

OPENING_IMMINENT = "TF001"
"""The SQLSTATE with which the database refuses a change of an opening that is about to open."""


class ReleasedComponent(NamedTuple):
    product: str
    component_id: int


def page_of_administrations(session: Session, selection: PageSelection) -> Page[Administration]:
    newest = ListOrder(Administration.tested_until_on, Administration.id, descending=True)
    return page_of_scalars(session, select(Administration), newest, selection)


def windows_of(session: Session, administration_id: str) -> Sequence[ReleaseWindow]:
    """Return the windows of an administration, as they are in this transaction."""
    query = select(ReleaseWindow).where(ReleaseWindow.administration_id == administration_id)
    return session.scalars(query.execution_options(populate_existing=True)).all()


def save_windows(session: Session, administration_id: str, changes: PlanChanges) -> None:
    """Write the changes: what makes room first, as no two windows of a scope overlap."""
    for stored in (*changes.removed, *(stored for stored, _ in changes.moved)):
        session.execute(select(func.remove_release_window(stored.id)))
    for stored, window in changes.changed:
        change = update(ReleaseWindow).where(ReleaseWindow.id == stored.id)
        session.execute(change.values(**asdict(window.times), updated_at=func.now()))
    for stored, window in changes.moved:
        session.execute(_insertion(administration_id, window).values(id=stored.id))
    for window in changes.added:
        session.execute(_insertion(administration_id, window))


def _insertion(administration_id: str, window: ScopedWindow) -> Insert:
    values = window.scope._asdict() | asdict(window.times)
    return insert(ReleaseWindow).values(administration_id=administration_id, **values)


def set_approvals_needed(session: Session, number: int) -> None:
    """Set the approvals that the openings of a changed plan need, until the transaction ends."""
    setting = func.set_config("toetsfeedback.approvals_needed", str(number), true())
    session.execute(select(setting))


def released_in(session: Session, administration_id: str) -> set[ReleasedComponent]:
    """Return what is released now, by product and component."""
    released = released_components.c
    query = select(released.product, released.component_id).where(
        released.administration_id == administration_id
    )
    return {ReleasedComponent(*row) for row in session.execute(query)}


def component_facts(session: Session, administration_id: str) -> dict[int, ComponentFacts]:
    query = select(Component.target_group_id, Component.id, Component.is_calibration).where(
        Component.administration_id == administration_id
    )
    return {row[1]: ComponentFacts(*row) for row in session.execute(query)}


def component_codes(session: Session, component_ids: Iterable[int]) -> Sequence[str]:
    query = select(Component.code).where(Component.id.in_(list(component_ids)))
    return session.scalars(query.order_by(Component.code)).all()


def settle_plan(session: Session) -> None:
    """Let the database update the openings now, and not only at the commit.

    Raises:
        Conflict: when one of them is about to open.
    """
    session.flush()
    try:
        session.execute(text("set constraints settle_opening_change immediate"))
    except DBAPIError as error:
        if getattr(error.orig, "sqlstate", None) != OPENING_IMMINENT:
            raise
        raise Conflict(
            "openingImminent",
            "An approved opening is seconds away, and its plan cannot change any more; recall it "
            "after its moment, or close the window then.",
        ) from None
    session.execute(text("set constraints settle_opening_change deferred"))


def epochs_of(session: Session, administration_id: str) -> dict[UUID, int]:
    """Return the epochs of the openings of an administration."""
    query = select(Opening.id, Opening.epoch).where(Opening.administration_id == administration_id)
    return {row.id: row.epoch for row in session.execute(query)}


def recalls_of(session: Session, administration_id: str) -> Sequence[Recall]:
    query = select(Recall).where(Recall.administration_id == administration_id)
    by_age = query.order_by(Recall.recalled_at, Recall.id)
    return session.scalars(by_age.execution_options(populate_existing=True)).all()


def set_reopening(session: Session, recall_id: UUID, reopens_at: datetime | None) -> None:
    session.execute(update(Recall).where(Recall.id == recall_id).values(reopens_at=reopens_at))
