from dataclasses import replace

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from shared.access.requests import AccessRequest
from shared.access.rules import Reach
from shared.audit.models import AuditEvent
from shared.core.errors import ResourceNotFound
from shared.core.paging import PageSelection
from shared.core.unit_of_work import UnitOfWork
from shared.schools.service import list_schools, require_school
from tests.api.seeding import ADMINISTRATION, GONE, OTHER, SCHOOL, seed_schools
from tests.audit_log import append_pending
from tests.callers import school_request


def request_within(*schools: str, everywhere: bool = False) -> AccessRequest:
    reach = Reach(None if everywhere else frozenset(schools))
    return replace(school_request(SCHOOL), reach=reach)


@pytest.fixture(autouse=True)
def schools(session: Session) -> None:
    seed_schools(session)


def audit_log(unit: UnitOfWork) -> list[tuple[str | None, str, str]]:
    unit.commit()
    append_pending(unit)
    query = select(AuditEvent.organisation, AuditEvent.outcome, AuditEvent.rule)
    return [(a, b, c) for a, b, c in unit.session.execute(query.order_by(AuditEvent.id))]


def test_a_list_has_the_participating_schools_within_reach(session: Session) -> None:
    def listed(
        access: AccessRequest, administration: str | None = None
    ) -> tuple[int | None, list[str]]:
        page = list_schools(session, access, administration, PageSelection(10))
        return page.total, [school.id for school in page.rows]

    assert listed(request_within(everywhere=True)) == (2, [SCHOOL, OTHER])
    assert listed(request_within(OTHER, GONE)) == (1, [OTHER])
    assert listed(request_within()) == (0, [])
    assert listed(request_within(everywhere=True), ADMINISTRATION) == (2, [SCHOOL, OTHER])
    assert listed(request_within(everywhere=True), "2025") == (0, [])


def test_a_list_is_paged(session: Session) -> None:
    page = list_schools(session, request_within(everywhere=True), None, PageSelection(1, 1))
    assert (page.total, [school.id for school in page.rows]) == (2, [OTHER])


@pytest.mark.parametrize("school", [OTHER, GONE, "999999"])
def test_a_school_out_of_reach_is_not_found(unit: UnitOfWork, school: str) -> None:
    with pytest.raises(ResourceNotFound):
        require_school(unit, request_within(SCHOOL), school)
    assert audit_log(unit) == [(None if school == "999999" else school, "refused", "reach")]


def test_a_school_within_reach_is_read(unit: UnitOfWork) -> None:
    assert require_school(unit, request_within(SCHOOL), SCHOOL).id == SCHOOL


def test_a_refusal_is_in_the_audit_log_of_the_school_it_concerns(unit: UnitOfWork) -> None:
    require_school(unit, request_within(SCHOOL), SCHOOL)
    for school in (OTHER, "999999"):
        with pytest.raises(ResourceNotFound):
            require_school(unit, request_within(SCHOOL), school)
    assert set(audit_log(unit)) == {(OTHER, "refused", "reach"), (None, "refused", "reach")}
