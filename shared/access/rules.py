"""Pure rules of access: scopes, kinds of caller, and reach."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType

from shared.access.products import Product
from shared.core.errors import MissingPermission, MissingScope


class CallerKind(StrEnum):
    SCHOOL = "school"  # the portal, for a person at one school
    INTEGRATOR = "integrator"  # school software, which reads only with a mandate
    OPERATOR = "operator"  # imports, builds, releases; reads no result
    OFFICER = "officer"  # at the desk of a viewing location, on the days of its duties


class Scope(StrEnum):
    SCHOOLS_READ = "schools:read"
    STUDENTS_READ = "students:read"
    RESULTS_READ = "results:read"
    DOCUMENTS_READ = "documents:read"
    FEEDBACK_READ = "feedback:read"
    MANDATES_READ = "mandates:read"
    MANDATES_WRITE = "mandates:write"
    AUDIT_READ = "audit:read"
    HAND_OVERS_READ = "handOvers:read"
    HAND_OVERS_WRITE = "handOvers:write"
    DECLARATIONS_WRITE = "declarations:write"
    DELIVERIES_WRITE = "deliveries:write"
    JOBS_READ = "jobs:read"
    JOBS_WRITE = "jobs:write"
    RELEASES_READ = "releases:read"
    RELEASES_WRITE = "releases:write"
    RELEASES_APPROVE = "releases:approve"
    CLIENTS_WRITE = "clients:write"
    VIEWINGS_PLAN = "viewings:plan"
    VIEWINGS_READ = "viewings:read"
    VIEWINGS_WRITE = "viewings:write"
    VIEWINGS_DESK = "viewings:desk"


INTEGRATOR_SCOPES = frozenset(
    {
        Scope.SCHOOLS_READ,
        Scope.STUDENTS_READ,
        Scope.RESULTS_READ,
        Scope.DOCUMENTS_READ,
        Scope.FEEDBACK_READ,
        Scope.RELEASES_READ,
        Scope.MANDATES_READ,
    }
)
SCHOOL_SCOPES = INTEGRATOR_SCOPES | {
    Scope.MANDATES_WRITE,
    Scope.AUDIT_READ,
    Scope.HAND_OVERS_READ,
    Scope.HAND_OVERS_WRITE,
    Scope.DECLARATIONS_WRITE,
    Scope.VIEWINGS_READ,
    Scope.VIEWINGS_WRITE,
}
OPERATOR_SCOPES = frozenset(
    {
        Scope.SCHOOLS_READ,
        Scope.DELIVERIES_WRITE,
        Scope.JOBS_READ,
        Scope.JOBS_WRITE,
        Scope.RELEASES_READ,
        Scope.RELEASES_WRITE,
        Scope.RELEASES_APPROVE,
        Scope.CLIENTS_WRITE,
        Scope.VIEWINGS_PLAN,
    }
)
OFFICER_SCOPES = frozenset({Scope.VIEWINGS_DESK})
GRANTABLE = {
    CallerKind.SCHOOL: SCHOOL_SCOPES,
    CallerKind.INTEGRATOR: INTEGRATOR_SCOPES,
    CallerKind.OPERATOR: OPERATOR_SCOPES,
    CallerKind.OFFICER: OFFICER_SCOPES,
}
"""All scopes that a kind of caller can have; a token with another scope is not one of ours."""

PRODUCT_OF_SCOPE = {
    Scope.STUDENTS_READ: Product.STUDENT_FEEDBACK,
    Scope.RESULTS_READ: Product.STUDENT_FEEDBACK,
    Scope.DOCUMENTS_READ: Product.STUDENT_FEEDBACK,
    Scope.FEEDBACK_READ: Product.SCHOOL_FEEDBACK,
}
"""The product that a mandate has to share before an integrator may use the scope."""

DOCUMENT_SCOPES = {
    Product.STUDENT_FEEDBACK: Scope.DOCUMENTS_READ,
    Product.SCHOOL_FEEDBACK: Scope.FEEDBACK_READ,
}
"""The scope that reads the documents of a product."""


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


def reach_of_schools(
    caller: Caller,
    mandates: Mapping[str, str] = NO_MANDATES,
    schools: Collection[str] | None = None,
) -> Reach:
    """Return the schools whose own facts the caller can see: an operator sees every school."""
    if caller.kind is CallerKind.OPERATOR:
        return Reach(None)
    return reach_of_students(caller, mandates, schools)


def reach_of_students(
    caller: Caller,
    mandates: Mapping[str, str] = NO_MANDATES,
    schools: Collection[str] | None = None,
) -> Reach:
    """Return the schools whose students, results and documents the caller can see.

    A school reaches `schools`, those of its successions; without them itself. An integrator reaches
    the schools in `mandates`: those that share the product with it now, each with the purpose of
    the mandate. An operator reaches none.
    """
    if caller.kind is CallerKind.INTEGRATOR:
        return Reach(frozenset(mandates), mandates)
    if schools is None:
        schools = [caller.school_id] if caller.school_id else []
    return Reach(frozenset(schools))


def products_of_documents(caller: Caller) -> list[Product]:
    """Return the products whose documents the scopes of the caller read."""
    return [product for product, scope in DOCUMENT_SCOPES.items() if scope in caller.scopes]


def own_school(caller: Caller, reach: Reach) -> str:
    """Return the school that the caller acts for.

    Raises:
        MissingPermission: when it acts for none, or for one that another school has succeeded.
    """
    if caller.kind is not CallerKind.SCHOOL or caller.school_id is None:
        raise MissingPermission("Only a school does this, for itself.")
    if not reach.includes(caller.school_id):
        raise MissingPermission("Another school has succeeded this one; sign on for that school.")
    return caller.school_id


def require_scope(caller: Caller, required: Iterable[Scope]) -> None:
    """Raise `MissingScope` unless the caller has one of the scopes."""
    wanted = frozenset(required)
    if not wanted & caller.scopes:
        raise MissingScope([*wanted])
