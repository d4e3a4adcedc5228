"""Use cases of mandates: a school gives, shortens and revokes them; both sides read them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from uuid import UUID

from sqlalchemy import func
from sqlalchemy.orm import Session

from shared.access.products import MANDATE_PRODUCTS, Product
from shared.access.rules import CallerKind
from shared.audit.service import Actor, Decision, record
from shared.core.clock import database_today
from shared.core.errors import Conflict, MissingPermission, invalid_input
from shared.mandates import repository
from shared.mandates.models import Mandate
from shared.mandates.repository import MandateFilter
from shared.mandates.rules import MandateState, Term, state_of
from shared.oauth.clients.service import is_integrator
from shared.schools.service import Inquiry, refuse


@dataclass(frozen=True, slots=True)
class MandatePlan:
    """A mandate as it is asked for; without `from_on` it begins today."""

    client: str
    products: Sequence[Product]
    until_on: date
    purpose: str
    from_on: date | None = None


@dataclass(frozen=True, slots=True)
class MandateView:
    """A mandate, and its state by the database's clock."""

    mandate: Mandate
    state: MandateState


def list_mandates(
    session: Session, actor: Actor, reference_on: date | None, offset: int, limit: int
) -> tuple[int, list[MandateView]]:
    """The mandates of the caller; with a day only those that give access at any time of it."""
    party = _party(actor)
    total, rows = repository.page_of_mandates(session, party, reference_on, offset, limit)
    today = database_today(session)
    return total, [_view(row, today) for row in rows]


def read_mandate(session: Session, inquiry: Inquiry, mandate_id: UUID) -> MandateView:
    """Raises ResourceNotFound for a mandate that is not there, or of others."""
    mandate = repository.find_mandate(session, _party(inquiry.actor), mandate_id)
    if mandate is None:
        refuse(session, inquiry, None, "reach")
    return _view(mandate, database_today(session))


def give_mandate(session: Session, actor: Actor, plan: MandatePlan) -> MandateView:
    """A new mandate of the caller's own school.

    Raises:
        MissingPermission: when the caller does not act for a school.
        Problem: 400 when the days contradict each other or lie in the past, or no integrator is
            registered as the client, 409 when the school already shares one of the products with
            it on one of the days.
    """
    school_id = _own_school(actor)
    today = database_today(session)
    term = Term(plan.from_on or today, plan.until_on)
    if term.from_on < today:
        raise invalid_input("body", "/from", "Must be today or later.")
    _require_order(term, today)
    if not set(plan.products).issubset(MANDATE_PRODUCTS):
        names = " and ".join(MANDATE_PRODUCTS)
        raise invalid_input("body", "/products", f"A mandate can share {names} only.")
    if not is_integrator(session, plan.client):
        raise invalid_input(
            "body", "/clientId", "No integrator has this id; ask the vendor for its client_id."
        )
    repository.lock_mandates(session, school_id)
    if repository.overlaps_another(session, school_id, plan.client, plan.products, term):
        raise Conflict(
            "mandateOverlaps",
            "Mandate Overlaps",
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
        "decided_by": actor.client,
    }
    mandate = repository.add_mandate(session, values)
    record(session, actor, _decision("createMandate", mandate))
    return _view(mandate, today)


def shorten_mandate(
    session: Session, inquiry: Inquiry, mandate_id: UUID, until_on: date
) -> MandateView:
    """Ends a mandate on an earlier day, today at the earliest.

    Raises:
        ResourceNotFound: when the school has no such mandate.
        Problem: 400 when the day is not one to which it can be shortened, 409 when it is over.
    """
    before = _held(session, inquiry, mandate_id)
    today, mandate = database_today(session), before.mandate
    if before.state.is_over:
        raise _over(before.state)
    if until_on > mandate.until_on:
        raise invalid_input("body", "/until", "A mandate is not prolonged; give a new one.")
    _require_order(Term(mandate.from_on, until_on), today)
    changed = repository.supersede(
        session, mandate, {"until_on": until_on, "decided_by": inquiry.actor.client}
    )
    record(session, inquiry.actor, _decision(inquiry.action, changed))
    return _view(changed, today)


def revoke_mandate(session: Session, inquiry: Inquiry, mandate_id: UUID) -> MandateView:
    """Ends a mandate now; one that is revoked already stays as it is.

    Raises:
        ResourceNotFound: when the school has no such mandate.
        Conflict: when it has expired.
    """
    before = _held(session, inquiry, mandate_id)
    if before.state is MandateState.REVOKED:
        return before
    if before.state.is_over:
        raise _over(before.state)
    changed = repository.supersede(
        session,
        before.mandate,
        {"revoked_at": func.now(), "decided_by": inquiry.actor.client},
    )
    record(session, inquiry.actor, _decision(inquiry.action, changed))
    return _view(changed, database_today(session))


def renew_reach(session: Session, inquiry: Inquiry, product: Product) -> Inquiry:
    """The same inquiry with what is within reach by now; only an integrator's reach changes."""
    if inquiry.actor.kind != CallerKind.INTEGRATOR:
        return inquiry
    purposes = repository.mandated_schools(session, inquiry.actor.client, product, None)
    return replace(inquiry, schools=frozenset(purposes), purposes=purposes)


def _party(actor: Actor) -> MandateFilter:
    """A school's own, or those of the integrator that asks; nobody else has any."""
    if actor.kind == CallerKind.INTEGRATOR:
        return MandateFilter(actor.client, None)
    return MandateFilter(actor.client, _own_school(actor))


def _own_school(actor: Actor) -> str:
    if actor.kind != CallerKind.SCHOOL or actor.organisation is None:
        raise MissingPermission("Only a school gives, shortens and revokes mandates.")
    return actor.organisation


def _held(session: Session, inquiry: Inquiry, mandate_id: UUID) -> MandateView:
    repository.lock_mandates(session, _own_school(inquiry.actor))
    return read_mandate(session, inquiry, mandate_id)


def _require_order(term: Term, today: date) -> None:
    if term.until_on < today:
        raise invalid_input("body", "/until", "Must be today or later; revoke to end it now.")
    if term.until_on < term.from_on:
        raise invalid_input("body", "/until", "Must not be before the day it begins.")


def _over(state: MandateState) -> Conflict:
    return Conflict("mandateOver", "Mandate Over", f"The mandate is {state}; give a new one.")


def _decision(action: str, mandate: Mandate) -> Decision:
    resource = f"/v1/mandates/{mandate.id}"
    return Decision(action, resource, mandate.school_id, "allowed", "granted")


def _view(mandate: Mandate, today: date) -> MandateView:
    return MandateView(mandate, state_of(_term(mandate), today))


def _term(mandate: Mandate) -> Term:
    return Term(mandate.from_on, mandate.until_on, mandate.revoked_at)
