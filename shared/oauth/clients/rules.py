"""The kinds and states of clients, and the scopes that each kind can have."""

from enum import StrEnum
from uuid import UUID

from shared.access.rules import GRANTABLE, OFFICER_SCOPES, CallerKind, Scope
from shared.core.identifiers import canonical_uuid


class ClientKind(StrEnum):
    PORTAL = "portal"  # requests tokens for people at schools, by token exchange only
    INTEGRATOR = "integrator"  # requests tokens for itself
    OPERATOR = "operator"  # requests tokens for itself
    OFFICER = "officer"  # requests tokens for itself, at the desk of a viewing location


class ClientState(StrEnum):
    ACTIVE = "active"
    SUSPENDED = "suspended"


CALLER_KIND = {
    ClientKind.PORTAL: CallerKind.SCHOOL,
    ClientKind.INTEGRATOR: CallerKind.INTEGRATOR,
    ClientKind.OPERATOR: CallerKind.OPERATOR,
    ClientKind.OFFICER: CallerKind.OFFICER,
}
"""The kind of caller that the tokens of a kind of client represent."""


def allowed_scopes(kind: ClientKind) -> frozenset[Scope]:
    """Return the scopes that a client of this kind can be registered for.

    A portal acts for people at schools, and for viewing officers.
    """
    of_officers = OFFICER_SCOPES if kind is ClientKind.PORTAL else frozenset()
    return GRANTABLE[CALLER_KIND[kind]] | of_officers


def registered_id(client: str) -> UUID | None:
    """Return the id of a registered client; None for a client named on the command line."""
    return canonical_uuid(client)
