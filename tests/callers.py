"""Access requests of fictitious callers, for tests that call use cases without the API."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from shared.access.requests import AccessRequest
from shared.access.rules import Caller, CallerKind, Reach, Scope

READS_FICHES = frozenset({Scope.DOCUMENTS_READ})
IN_A_YEAR = datetime.now(UTC).date() + timedelta(days=300)
"""A last day that a mandate may have."""


def school_request(
    school_id: str, action: str = "read", resource: str = "/v1/x", *, client: str = "portal"
) -> AccessRequest:
    """Return a request of a school, which reaches itself."""
    caller = Caller(client, CallerKind.SCHOOL, READS_FICHES, school_id)
    return AccessRequest(caller, action, resource, "trace", Reach(frozenset({school_id})))


def integrator_request(
    client: str, mandates: Mapping[str, str], action: str = "read", resource: str = "/v1/x"
) -> AccessRequest:
    """Return a request of an integrator, which reaches the schools of its mandates."""
    caller = Caller(client, CallerKind.INTEGRATOR, READS_FICHES)
    return AccessRequest(caller, action, resource, "trace", Reach(frozenset(mandates), mandates))


OPERATOR = AccessRequest(
    Caller("ops", CallerKind.OPERATOR, frozenset()), "change", "/v1", "trace", Reach(None)
)
"""A request of an operator, which reaches every school."""
