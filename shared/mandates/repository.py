"""SQL of mandates, and of the schools that an integrator can reach through them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Date,
    Select,
    String,
    and_,
    cast,
    column,
    func,
    insert,
    or_,
    select,
    table,
    update,
)
from sqlalchemy.orm import Session

from shared.access.products import Product
from shared.core.clock import BRUSSELS
from shared.core.locks import lock_until_commit
from shared.core.paging import ListOrder, Page, PageSelection, page_of_scalars
from shared.mandates.models import Mandate
from shared.mandates.rules import Term

current_mandates = table(
    "current_mandates",
    column("client", String),
    column("school_id", String),
    column("product", String),
    column("purpose", String),
)
"""View: the products that schools share with clients now, by the database's clock."""


@dataclass(frozen=True, slots=True)
class MandateFilter:
    """A filter on the mandates of a school or, without a school, on those of a client."""

    client: str
    school_id: str | None

    def condition(self) -> ColumnElement[bool]:
        if self.school_id is not None:
            return Mandate.school_id == self.school_id
        return Mandate.client == self.client


def mandated_schools(
    session: Session, client: str, product: Product | None, school_id: str | None
) -> dict[str, str]:
    """Return the purpose per school that shares the product (None = any) with the client now.

    `school_id` limits the search to one school.
    """
    conditions = [current_mandates.c.client == client]
    if product is not None:
        conditions.append(current_mandates.c.product == product)
    if school_id is not None:
        conditions.append(current_mandates.c.school_id == school_id)
    query = select(current_mandates.c.school_id, current_mandates.c.purpose).where(*conditions)
    return dict(session.execute(query).all())


def page_of_mandates(
    session: Session,
    mandate_filter: MandateFilter,
    reference_on: date | None,
    selection: PageSelection,
) -> Page[Mandate]:
    """Return a page of the mandates, latest first day first."""
    mandates = _current().where(mandate_filter.condition())
    if reference_on is not None:
        mandates = mandates.where(_was_in_force_on(reference_on))
    latest = ListOrder(Mandate.from_on, Mandate.id, descending=True)
    return page_of_scalars(session, mandates, latest, selection)


def find_mandate(
    session: Session, mandate_filter: MandateFilter, mandate_id: UUID
) -> Mandate | None:
    return session.scalar(_current().where(Mandate.id == mandate_id, mandate_filter.condition()))


def lock_mandates(session: Session, school_id: str) -> None:
    """Lock the mandates of the school against changes until the transaction ends."""
    lock_until_commit(session, f"mandates {school_id}")


def overlaps_another(
    session: Session, school_id: str, client: str, products: Sequence[Product], term: Term
) -> bool:
    """Return True if the school already shares a product with the client on one of the days."""
    overlapping = (
        _current()
        .where(
            Mandate.school_id == school_id,
            Mandate.client == client,
            Mandate.products.overlap(products),
            Mandate.revoked_at.is_(None),
            Mandate.from_on <= term.until_on,
            Mandate.until_on >= term.from_on,
        )
        .exists()
    )
    return bool(session.scalar(select(overlapping)))


def add_mandate(session: Session, values: dict[str, Any]) -> Mandate:
    return session.scalars(insert(Mandate).values(values).returning(Mandate)).one()


def supersede(session: Session, mandate: Mandate, changes: dict[str, Any]) -> Mandate:
    """Add the next version of a mandate, with the changes; the current one is superseded."""
    session.execute(
        update(Mandate)
        .where(Mandate.id == mandate.id, Mandate.version == mandate.version)
        .values(superseded_at=func.now())
    )
    unchanged = {
        name: getattr(mandate, name)
        for name in ("id", "school_id", "client", "products", "from_on", "until_on", "purpose")
    }
    return add_mandate(session, unchanged | {"version": mandate.version + 1} | changes)


def _current() -> Select[Mandate]:
    return select(Mandate).where(Mandate.superseded_at.is_(None))


def _was_in_force_on(day: date) -> ColumnElement[bool]:
    """Return the condition that a mandate was in force at any moment of the day."""
    revoked_on = cast(func.timezone(BRUSSELS.key, Mandate.revoked_at), Date)
    return and_(
        Mandate.from_on <= day,
        Mandate.until_on >= day,
        or_(Mandate.revoked_at.is_(None), revoked_on >= day),
    )
