import pytest

from shared.access.rules import (
    GRANTABLE,
    OPERATOR_SCOPES,
    Caller,
    CallerError,
    CallerKind,
    Scope,
    reach_of_schools,
    reach_of_students,
    require_scope,
)
from shared.core.errors import MissingScope

SCHOOL, OTHER = "000028", "007947"
STUDENT_SCOPES = {Scope.STUDENTS_READ, Scope.RESULTS_READ, Scope.DOCUMENTS_READ}


def caller(kind: CallerKind, *scopes: Scope) -> Caller:
    school = SCHOOL if kind is CallerKind.SCHOOL else None
    return Caller("client", kind, frozenset(scopes) or GRANTABLE[kind], school)


def test_a_school_reaches_only_itself() -> None:
    for reach in (reach_of_schools, reach_of_students):
        reached = reach(caller(CallerKind.SCHOOL))
        assert reached.includes(SCHOOL)
        assert not reached.includes(OTHER)


def test_an_integrator_without_a_mandate_reaches_no_school() -> None:
    for reach in (reach_of_schools, reach_of_students):
        assert not reach(caller(CallerKind.INTEGRATOR)).includes(SCHOOL)


def test_an_operator_reaches_every_school_and_no_student() -> None:
    operator = caller(CallerKind.OPERATOR)
    assert reach_of_schools(operator).includes(OTHER)
    assert not reach_of_students(operator).includes(OTHER)


@pytest.mark.parametrize("scope", sorted(STUDENT_SCOPES))
def test_an_operator_cannot_have_a_scope_on_students(scope: Scope) -> None:
    with pytest.raises(CallerError, match=f"cannot have {scope}"):
        caller(CallerKind.OPERATOR, scope)


def test_no_kind_of_caller_can_both_start_jobs_and_read_results() -> None:
    assert [
        kind
        for kind, scopes in GRANTABLE.items()
        if Scope.JOBS_WRITE in scopes and scopes & STUDENT_SCOPES
    ] == []


@pytest.mark.parametrize("kind", [CallerKind.SCHOOL, CallerKind.INTEGRATOR])
@pytest.mark.parametrize(
    "scope", sorted(OPERATOR_SCOPES - {Scope.SCHOOLS_READ, Scope.RELEASES_READ})
)
def test_only_operators_have_the_scopes_of_operators(kind: CallerKind, scope: Scope) -> None:
    with pytest.raises(CallerError):
        caller(kind, scope)


@pytest.mark.parametrize(
    ("kind", "school"),
    [(CallerKind.SCHOOL, None), (CallerKind.OPERATOR, SCHOOL), (CallerKind.INTEGRATOR, SCHOOL)],
)
def test_only_a_school_caller_has_a_school(kind: CallerKind, school: str | None) -> None:
    with pytest.raises(CallerError, match="names one school"):
        Caller("client", kind, frozenset(), school)


def test_one_of_the_required_scopes_is_enough() -> None:
    school = caller(CallerKind.SCHOOL, Scope.RESULTS_READ)
    require_scope(school, [Scope.RESULTS_READ, Scope.JOBS_READ])
    with pytest.raises(MissingScope) as rejected:
        require_scope(school, [Scope.STUDENTS_READ, Scope.DOCUMENTS_READ])
    assert rejected.value.required == ["documents:read", "students:read"]


def test_a_caller_without_scopes_has_no_permission() -> None:
    without_scopes = Caller("client", CallerKind.OPERATOR, frozenset())
    for scope in Scope:
        with pytest.raises(MissingScope):
            require_scope(without_scopes, [scope])
