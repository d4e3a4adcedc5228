"""What a client can be, and what each kind of client can ask for."""

from enum import StrEnum
from uuid import UUID

from shared.access.rules import GRANTABLE, CallerKind, Scope
from shared.core.identifiers import canonical_uuid


class ClientKind(StrEnum):
    PORTAL = "portal"  # asks for people at schools, by token exchange only
    INTEGRATOR = "integrator"  # asks for itself
    OPERATOR = "operator"  # asks for itself


class ClientState(StrEnum):
    ACTIVE = "active"
    SUSPENDED = "suspended"


CALLER_KIND = {
    ClientKind.PORTAL: CallerKind.SCHOOL,
    ClientKind.INTEGRATOR: CallerKind.INTEGRATOR,
    ClientKind.OPERATOR: CallerKind.OPERATOR,
}
"""What the tokens that a kind of client gets speak for."""


def allowed_scopes(kind: ClientKind) -> frozenset[Scope]:
    """The most that a client of this kind can be registered for."""
    return GRANTABLE[CALLER_KIND[kind]]


def registered_id(client: str) -> UUID | None:
    """The id in the register; None for a client that the command line named itself."""
    return canonical_uuid(client)
