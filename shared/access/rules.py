"""Pure rules of access: scopes, kinds of caller, and reach."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType

from shared.access.products import Product
from shared.core.errors import MissingScope


class CallerKind(StrEnum):
    SCHOOL = "school"  # the portal, for a person at one school
    INTEGRATOR = "integrator"  # school software, which reads only with a mandate
    OPERATOR = "operator"  # imports, builds, releases; reads no result


class Scope(StrEnum):
    SCHOOLS_READ = "schools:read"
    STUDENTS_READ = "students:read"
    RESULTS_READ = "results:read"
    DOCUMENTS_READ = "documents:read"
    MANDATES_READ = "mandates:read"
    MANDATES_WRITE = "mandates:write"
    AUDIT_READ = "audit:read"
    DELIVERIES_WRITE = "deliveries:write"
    JOBS_READ = "jobs:read"
    JOBS_WRITE = "jobs:write"
    RELEASES_READ = "releases:read"
    RELEASES_WRITE = "releases:write"
    CLIENTS_WRITE = "clients:write"


INTEGRATOR_SCOPES = frozenset(
    {
        Scope.SCHOOLS_READ,
        Scope.STUDENTS_READ,
        Scope.RESULTS_READ,
        Scope.DOCUMENTS_READ,
        Scope.RELEASES_READ,
        Scope.MANDATES_READ,
    }
)
SCHOOL_SCOPES = INTEGRATOR_SCOPES | {Scope.MANDATES_WRITE, Scope.AUDIT_READ}
OPERATOR_SCOPES = frozenset(
    {
        Scope.SCHOOLS_READ,
        Scope.DELIVERIES_WRITE,
        Scope.JOBS_READ,
        Scope.JOBS_WRITE,
        Scope.RELEASES_READ,
        Scope.RELEASES_WRITE,
        Scope.CLIENTS_WRITE,
    }
)
GRANTABLE = {
    CallerKind.SCHOOL: SCHOOL_SCOPES,
    CallerKind.INTEGRATOR: INTEGRATOR_SCOPES,
    CallerKind.OPERATOR: OPERATOR_SCOPES,
}
"""All scopes that a kind of caller can have; a token with another scope is not one of ours."""

PRODUCT_OF_SCOPE = {
    Scope.STUDENTS_READ: Product.STUDENT_FEEDBACK,
    Scope.RESULTS_READ: Product.STUDENT_FEEDBACK,
    Scope.DOCUMENTS_READ: Product.STUDENT_FEEDBACK,
}
"""The product that a mandate has to share before an integrator may use the scope."""


class CallerError(ValueError):
    """A caller that cannot exist; the message contains the violated rule."""


@dataclass(frozen=True, slots=True)
class Caller:
    """The caller that a verified token represents; only callers of kind `school` have a school.

    `subject` is the pseudonym of the person on whose behalf the client acts, if any.
    """

    client: str
    kind: CallerKind
    scopes: frozenset[Scope]
    school_id: str | None = None
    subject: str | None = None

    def __post_init__(self) -> None:
        excess = self.scopes - GRANTABLE[self.kind]
        if excess:
            raise CallerError(
                f"{self.kind} callers cannot have {', '.join(sorted(excess))}; "
                f"they can have {', '.join(sorted(GRANTABLE[self.kind]))}"
            )
        if (self.kind is CallerKind.SCHOOL) != (self.school_id is not None):
            raise CallerError("a school caller names one school; other callers name none")


@dataclass(frozen=True, slots=True)
class Reach:
    """The schools that a caller can see: all of them (`schools` is None) or those named.

    `purposes` has the purpose of the mandate of each school that gave one.
    """

    schools: frozenset[str] | None
    purposes: Mapping[str, str] = field(default_factory=dict)

    def includes(self, school_id: str) -> bool:
        return self.schools is None or school_id in self.schools


NO_MANDATES: Mapping[str, str] = MappingProxyType({})


def reach_of_schools(caller: Caller, mandates: Mapping[str, str] = NO_MANDATES) -> Reach:
    """Return the schools whose own facts the caller can see: an operator sees every school."""
    if caller.kind is CallerKind.OPERATOR:
        return Reach(None)
    return reach_of_students(caller, mandates)


def reach_of_students(caller: Caller, mandates: Mapping[str, str] = NO_MANDATES) -> Reach:
    """Return the schools whose students, results and documents the caller can see.

    A school reaches itself. An integrator reaches the schools in `mandates`: those that share the
    product with it now, each with the purpose of the mandate. An operator reaches none.
    """
    if caller.kind is CallerKind.INTEGRATOR:
        return Reach(frozenset(mandates), mandates)
    return Reach(frozenset({caller.school_id} if caller.school_id else ()))


def needs_proof(scopes: Iterable[Scope]) -> bool:
    """Return True if a token with these scopes must be bound to a key (RFC 9449).

    Every scope that operators cannot have is about students, or about decisions of a school.
    """
    return not OPERATOR_SCOPES.issuperset(scopes)


def require_scope(caller: Caller, required: Iterable[Scope]) -> None:
    """Raise `MissingScope` unless the caller has one of the scopes."""
    wanted = frozenset(required)
    if not wanted & caller.scopes:
        raise MissingScope([*wanted])
