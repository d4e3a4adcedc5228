"""The persons that have to agree to a change of a client, as pure rules."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from shared.core.errors import MissingPermission

EXPIRES_AFTER = timedelta(days=7)
"""A change that was not applied this long after its request never is."""

FIRST_PERSONS = 3
"""The persons that the owner of the database registers; they agree to every later one."""


class ChangeKind(StrEnum):
    REGISTER_PERSON = "registerPerson"  # a new person with its first client
    REGISTER_CLIENT = "registerClient"  # a further client of a person
    ADD_KEY = "addKey"
    CHANGE_SCOPES = "changeScopes"
    ACTIVATE_CLIENT = "activateClient"


class ChangeState(StrEnum):
    PENDING = "pending"  # not enough persons agree
    AGREED = "agreed"  # enough persons agree; it can be applied from `takes_effect_at`
    APPLIED = "applied"
    REJECTED = "rejected"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class Agreement:
    """The persons that agree to a change; `subject` is the person whose client it is about."""

    kind: ChangeKind
    subject: UUID | None
    requested_by: UUID
    approved_by: frozenset[UUID] = frozenset()

    @property
    def persons(self) -> frozenset[UUID]:
        """Return the persons that count: nobody agrees to a change of their own client."""
        return (self.approved_by | {self.requested_by}) - {self.subject}

    def is_reached(self, active: Collection[UUID]) -> bool:
        """Return True if enough persons agree that still have an active client.

        Two persons agree; a new person takes two others than the one that requests it.
        """
        needed = 3 if self.kind is ChangeKind.REGISTER_PERSON else 2
        return len(self.persons.intersection(active)) >= needed


@dataclass(frozen=True, slots=True)
class Progress:
    """The instants of a change."""

    requested_at: datetime
    takes_effect_at: datetime | None = None
    applied_at: datetime | None = None
    rejected_at: datetime | None = None


def state_of(progress: Progress, now: datetime) -> ChangeState:
    if progress.applied_at is not None:
        return ChangeState.APPLIED
    if progress.rejected_at is not None:
        return ChangeState.REJECTED
    if now >= progress.requested_at + EXPIRES_AFTER:
        return ChangeState.EXPIRED
    return ChangeState.PENDING if progress.takes_effect_at is None else ChangeState.AGREED


DELAYED = frozenset({ChangeKind.ADD_KEY, ChangeKind.CHANGE_SCOPES, ChangeKind.REGISTER_CLIENT})
"""Changes that wait for a delay: what others can do as a client, or as a person."""


def delay_of(kind: ChangeKind, delay: timedelta) -> timedelta:
    """Return the time from the agreement until a change takes effect.

    In that time the schools concerned can revoke their mandates, and the person whose client it is
    can object: two persons who add a key to the client of a third could act as three.
    """
    return delay if kind in DELAYED else timedelta(0)


def scopes_after(
    before: Collection[str], requested: Collection[str], now: Collection[str]
) -> frozenset[str]:
    """Return the scopes of a client after an agreed change of them.

    `before` are its scopes at the request. Persons agree to what is added and taken away compared
    with those: a scope that was taken away since by one person does not come back.
    """
    return frozenset(requested).difference(before).union(set(requested).intersection(now))


def require_other_client(person: UUID | None, subject: UUID | None) -> None:
    """Raise `MissingPermission` if the client whose scopes change is the person's own."""
    if person is not None and person == subject:
        raise MissingPermission(
            "Nobody changes the scopes of their own client; another person has to request it."
        )


def require_approver(agreement: Agreement, person: UUID) -> None:
    """Raise `MissingPermission` if the approval of the person would not count."""
    if person == agreement.subject:
        raise MissingPermission("Nobody approves a change of their own client.")
    if person in agreement.persons:
        raise MissingPermission("You agree to this change already; another person has to approve.")
