"""Use cases of mandates: schools give, shorten, revoke and read them, integrators read."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from uuid import UUID

from sqlalchemy import func
from sqlalchemy.orm import Session

from shared.access.decisions import Rule, deny, record_change
from shared.access.products import MANDATE_PRODUCTS, Product
from shared.access.requests import AccessRequest
from shared.access.rules import CallerKind, own_school, reach_of_students
from shared.core.clock import database_today
from shared.core.errors import Conflict, InvalidInput
from shared.core.paging import Page, PageSelection
from shared.core.plain_text import require_plain_text
from shared.core.unit_of_work import UnitOfWork
from shared.mandates import repository
from shared.mandates.models import Mandate
from shared.mandates.repository import MandateFilter
from shared.mandates.rules import MAX_TERM_DAYS, MandateState, Term, is_within, state_of
from shared.oauth.clients.service import is_integrator, names_of
from shared.schools.succession_repository import schools_of


@dataclass(frozen=True, slots=True)
class MandatePlan:
    """A mandate to be given; without `from_on` it begins today."""

    client: str
    products: Sequence[Product]
    until_on: date
    purpose: str
    from_on: date | None = None


@dataclass(frozen=True, slots=True)
class MandateView:
    """A mandate with its current state, and the name of the integrator if it is registered."""

    mandate: Mandate
    state: MandateState
    client_name: str | None


def list_mandates(
    session: Session, access: AccessRequest, reference_on: date | None, selection: PageSelection
) -> Page[MandateView]:
    """Return a page of the caller's mandates.

    With a `reference_on`, only those that give access at any time of that day.
    """
    visible = _visible_to(access)
    page = repository.page_of_mandates(session, visible, reference_on, selection)
    today = database_today(session)
    names = names_of(session, (row.client for row in page.rows))
    return page.map(lambda row: _view(row, today, names))


def read_mandate(unit: UnitOfWork, access: AccessRequest, mandate_id: UUID) -> MandateView:
    """Return one mandate of the caller.

    Raises:
        ResourceNotFound: when it does not exist or belongs to others.
    """
    mandate = repository.find_mandate(unit.session, _visible_to(access), mandate_id)
    if mandate is None:
        deny(unit, access, None, Rule.REACH)
    return _view_of_one(unit.session, mandate)


def give_mandate(
    unit: UnitOfWork, access: AccessRequest, plan: MandatePlan, max_days: int = MAX_TERM_DAYS
) -> MandateView:
    """Give a new mandate of the caller's own school, for at most `max_days`.

    Raises:
        MissingPermission: when the caller does not act for a school.
        InvalidInput: when the days contradict each other, are in the past or too many, or no
            integrator is registered as the client.
        Conflict: when the school already shares one of the products with it on one of the days.
    """
    session, school_id = unit.session, own_school(access.caller, access.reach)
    today = database_today(session)
    term = Term(plan.from_on or today, plan.until_on)
    if term.from_on < today:
        raise InvalidInput("from_on", detail="Must be today or later.")
    _require_order(term, today)
    if not is_within(term, max_days):
        raise InvalidInput(
            "until_on", detail=f"A mandate has at most {max_days} days; give a new one after it."
        )
    require_plain_text("purpose", plan.purpose)
    if not set(plan.products).issubset(MANDATE_PRODUCTS):
        names = " and ".join(MANDATE_PRODUCTS)
        raise InvalidInput("products", detail=f"A mandate can share {names} only.")
    if not is_integrator(session, plan.client):
        raise InvalidInput(
            "client", detail="No integrator has this id; request the client_id from the vendor."
        )
    repository.lock_mandates(session, school_id)
    if repository.overlaps_another(session, school_id, plan.client, plan.products, term):
        raise Conflict(
            "mandateOverlaps",
            "The school already shares one of these products with this client on one of these "
            "days; shorten or revoke that mandate, or choose other days.",
        )
    values = {
        "school_id": school_id,
        "client": plan.client,
        "products": sorted(plan.products),
        "from_on": term.from_on,
        "until_on": term.until_on,
        "purpose": plan.purpose,
        "decided_by": access.caller.client,
    }
    mandate = repository.add_mandate(session, values)
    _record(unit, access, "createMandate", mandate)
    return _view_of_one(session, mandate)


def shorten_mandate(
    unit: UnitOfWork, access: AccessRequest, mandate_id: UUID, until_on: date
) -> MandateView:
    """End a mandate on an earlier day, today at the earliest.

    Raises:
        ResourceNotFound: when the school has no such mandate.
        InvalidInput: when the day is too early, or later than before.
        Conflict: when the mandate is over.
    """
    before = _lock_and_read(unit, access, mandate_id)
    today, mandate = database_today(unit.session), before.mandate
    if before.state.is_over:
        raise _mandate_over(before.state)
    if until_on > mandate.until_on:
        raise InvalidInput("until_on", detail="A mandate cannot be extended; give a new one.")
    _require_order(Term(mandate.from_on, until_on), today)
    changes = {"until_on": until_on, "decided_by": access.caller.client}
    changed = repository.supersede(unit.session, mandate, changes)
    _record(unit, access, access.action, changed)
    return _view_of_one(unit.session, changed)


def revoke_mandate(unit: UnitOfWork, access: AccessRequest, mandate_id: UUID) -> MandateView:
    """End a mandate now; a mandate that is already revoked stays unchanged.

    Raises:
        ResourceNotFound: when the school has no such mandate.
        Conflict: when it has expired.
    """
    before = _lock_and_read(unit, access, mandate_id)
    if before.state is MandateState.REVOKED:
        return before
    if before.state.is_over:
        raise _mandate_over(before.state)
    changes = {"revoked_at": func.now(), "decided_by": access.caller.client}
    changed = repository.supersede(unit.session, before.mandate, changes)
    _record(unit, access, access.action, changed)
    return _view_of_one(unit.session, changed)


def renew_reach(session: Session, access: AccessRequest, product: Product) -> AccessRequest:
    """Return the request with its current reach, by mandates or by successions."""
    caller, mandates, schools = access.caller, {}, None
    if caller.kind is CallerKind.INTEGRATOR:
        mandates = repository.mandated_schools(session, caller.client, product, None)
    elif caller.school_id is not None:
        schools = schools_of(session, caller.school_id)
    return replace(access, reach=reach_of_students(caller, mandates, schools))


def _visible_to(access: AccessRequest) -> MandateFilter:
    """Return the filter on the mandates that the caller can see."""
    caller = access.caller
    if caller.kind is CallerKind.INTEGRATOR:
        return MandateFilter(caller.client, None)
    return MandateFilter(caller.client, own_school(caller, access.reach))


def _lock_and_read(unit: UnitOfWork, access: AccessRequest, mandate_id: UUID) -> MandateView:
    repository.lock_mandates(unit.session, own_school(access.caller, access.reach))
    return read_mandate(unit, access, mandate_id)


def _record(unit: UnitOfWork, access: AccessRequest, action: str, mandate: Mandate) -> None:
    record_change(unit, access, action, f"/v1/mandates/{mandate.id}", mandate.school_id)


def _require_order(term: Term, today: date) -> None:
    if term.until_on < today:
        raise InvalidInput(
            "until_on", detail="Must be today or later; to end the mandate now, revoke it."
        )
    if term.until_on < term.from_on:
        raise InvalidInput("until_on", detail="Must not be before the first day.")


def _mandate_over(state: MandateState) -> Conflict:
    return Conflict("mandateOver", f"The mandate is {state}; give a new one.")


def _view_of_one(session: Session, mandate: Mandate) -> MandateView:
    return _view(mandate, database_today(session), names_of(session, [mandate.client]))


def _view(mandate: Mandate, today: date, names: Mapping[str, str]) -> MandateView:
    return MandateView(mandate, state_of(_term(mandate), today), names.get(mandate.client))


def _term(mandate: Mandate) -> Term:
    return Term(mandate.from_on, mandate.until_on, mandate.revoked_at)
