import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from shared.audit.models import AuditEvent
from shared.audit.service import Actor
from shared.core.errors import ResourceNotFound
from shared.schools.service import Inquiry, list_schools, read_school, require_school
from tests.api.seeding import ADMINISTRATION, GONE, OTHER, SCHOOL, seed_schools

ACTOR = Actor("client", "school", SCHOOL, "trace")


def inquiry(*schools: str, everywhere: bool = False) -> Inquiry:
    within = None if everywhere else frozenset(schools)
    return Inquiry(ACTOR, "read", "/v1/thing", within)


@pytest.fixture(autouse=True)
def schools(session: Session) -> None:
    seed_schools(session)


def trail(session: Session) -> list[tuple[str | None, str, str]]:
    session.commit()
    query = select(AuditEvent.organisation, AuditEvent.outcome, AuditEvent.rule)
    return [(a, b, c) for a, b, c in session.execute(query.order_by(AuditEvent.id))]


def test_a_list_holds_what_is_within_reach_and_takes_part(session: Session) -> None:
    def listed(asked: Inquiry, administration: str | None = None) -> tuple[int, list[str]]:
        total, schools = list_schools(session, asked, administration, 0, 10)
        return total, [school.id for school in schools]

    assert listed(inquiry(everywhere=True)) == (2, [SCHOOL, OTHER])
    assert listed(inquiry(OTHER, GONE)) == (1, [OTHER])
    assert listed(inquiry()) == (0, [])
    assert listed(inquiry(everywhere=True), ADMINISTRATION) == (2, [SCHOOL, OTHER])
    assert listed(inquiry(everywhere=True), "2025") == (0, [])


def test_a_list_comes_in_pages(session: Session) -> None:
    total, schools = list_schools(session, inquiry(everywhere=True), None, 1, 1)
    assert (total, [school.id for school in schools]) == (2, [OTHER])


@pytest.mark.parametrize("school", [OTHER, GONE, "999999"])
def test_a_school_out_of_reach_is_not_there(session: Session, school: str) -> None:
    with pytest.raises(ResourceNotFound):
        read_school(session, inquiry(SCHOOL), school)
    assert trail(session) == [(None if school == "999999" else school, "refused", "reach")]


def test_a_school_within_reach_is_read(session: Session) -> None:
    assert read_school(session, inquiry(SCHOOL), SCHOOL).id == SCHOOL


def test_a_refusal_is_on_the_trail_of_the_school_it_is_about(session: Session) -> None:
    require_school(session, inquiry(SCHOOL), SCHOOL)
    for school in (OTHER, "999999"):
        with pytest.raises(ResourceNotFound):
            require_school(session, inquiry(SCHOOL), school)
    assert set(trail(session)) == {(OTHER, "refused", "reach"), (None, "refused", "reach")}
