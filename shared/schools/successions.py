"""Use cases of successions: confirm that a school succeeds another one, revoke and read that."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from uuid import UUID

from sqlalchemy.orm import Session

from shared.access.decisions import record_change
from shared.access.requests import AccessRequest
from shared.core.errors import Conflict, DomainError, MissingPermission, ResourceNotFound
from shared.core.paging import Page, PageSelection
from shared.core.unit_of_work import UnitOfWork
from shared.schools import succession_repository as repository
from shared.schools.models import Succession, SuccessionConfirmation


class SuccessionState(StrEnum):
    PENDING = "pending"  # another person has to confirm it
    IN_EFFECT = "inEffect"
    REVOKED = "revoked"


@dataclass(frozen=True, slots=True)
class SuccessionView:
    """A succession with its state, and the persons that have confirmed it."""

    succession: Succession
    confirmations: Sequence[SuccessionConfirmation]

    @property
    def state(self) -> SuccessionState:
        if self.succession.revoked_at is not None:
            return SuccessionState.REVOKED
        is_confirmed = self.succession.confirmed_at is not None
        return SuccessionState.IN_EFFECT if is_confirmed else SuccessionState.PENDING


def list_successions(
    session: Session, school_id: str | None, selection: PageSelection
) -> Page[SuccessionView]:
    """Return a page of the successions, or of those of a school, by school number."""
    page = repository.page_of_successions(session, school_id, selection)
    confirmations = repository.confirmations_of(session, [row.id for row in page.rows])
    return page.map(lambda row: SuccessionView(row, confirmations[row.id]))


def read_succession(session: Session, succession_id: UUID) -> SuccessionView:
    """Return a succession; raise ResourceNotFound when there is none."""
    succession = repository.find_succession(session, succession_id)
    if succession is None:
        raise ResourceNotFound
    return SuccessionView(
        succession, repository.confirmations_of(session, [succession_id])[succession_id]
    )


def confirm_succession(
    unit: UnitOfWork,
    access: AccessRequest,
    successor_id: str,
    predecessor_id: str,
    lifetime: timedelta,
) -> SuccessionView:
    """Confirm, as the person behind the caller's client, that a school succeeds another one.

    The database decides. With the second person, the successor reads what the predecessor got, and
    the predecessor reads nothing.

    Raises:
        MissingPermission: when no entitled person is behind the client.
        Conflict: when no delivery has named the predecessor, it has a successor already, the person
            has confirmed it before, or the schools would succeed each other.
    """
    answer = repository.confirm(unit.session, successor_id, predecessor_id, lifetime)
    if answer != "confirmed":
        raise _refusal(answer)
    found = repository.find_current(unit.session, successor_id, predecessor_id)
    _record(unit, access, "confirmSuccession", found)
    return read_succession(unit.session, found.id)


def revoke_succession(
    unit: UnitOfWork, access: AccessRequest, succession_id: UUID
) -> SuccessionView:
    """Revoke a succession, at once; one person is enough. The predecessor reads again what it got.

    Raises:
        ResourceNotFound: when there is no such succession.
        MissingPermission: when no person is behind the caller's client.
    """
    found = read_succession(unit.session, succession_id).succession
    if not repository.revoke(unit.session, succession_id):
        raise MissingPermission("Only a client that belongs to a registered person may do this.")
    _record(unit, access, "revokeSuccession", found)
    return read_succession(unit.session, succession_id)


def _record(unit: UnitOfWork, access: AccessRequest, action: str, found: Succession) -> None:
    """Record a change in the audit log of both schools, and in the one without a school."""
    for school_id in (None, found.successor_id, found.predecessor_id):
        record_change(unit, access, action, f"/v1/successions/{found.id}", school_id)


_CONFLICTS = {
    "notDelivered": "No delivery has named this predecessor of the school, or none has contained "
    "it; submit a correction with `successor_of`.",
    "alreadySucceeded": "A school has one successor; revoke the other succession first.",
    "alreadyConfirmed": "You have confirmed this succession; another person has to.",
    "successionCircle": "The predecessor succeeds this school already; revoke that first.",
}


def _refusal(answer: str) -> DomainError:
    if answer == "notEntitled":
        return MissingPermission(
            "Only an active client that belongs to a registered person, and has the scope "
            "releases:approve, confirms a succession."
        )
    return Conflict(answer, _CONFLICTS[answer])
