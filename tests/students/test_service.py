from uuid import uuid4

import pytest
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from shared.audit.models import AuditEvent
from shared.audit.service import Actor
from shared.core.errors import ResourceNotFound
from shared.schools.models import Participation
from shared.schools.service import Inquiry
from shared.students.models import ClassGroup
from shared.students.repository import Cohort
from shared.students.service import list_students, read_student
from tests.api.seeding import LONG_AGO, OTHER, SCHOOL, Seeded, seed_schools

INQUIRY = Inquiry(Actor("client", "school", SCHOOL, None), "read", "/v1/x", frozenset({SCHOOL}))


@pytest.fixture
def seeded(session: Session) -> Seeded:
    return seed_schools(session)


def listed(session: Session, cohort: Cohort) -> list[str]:
    total, rows = list_students(session, INQUIRY, cohort, 0, 50)
    names = [student.delivered_as for student, _ in rows]
    assert total == len(names)
    return names


@pytest.mark.usefixtures("seeded")
def test_a_cohort_is_a_school_an_administration_or_a_class_group(session: Session) -> None:
    assert listed(session, Cohort(SCHOOL)) == ["first", "second", "third"]
    assert listed(session, Cohort(SCHOOL, "2024", "4B")) == ["third"]
    assert listed(session, Cohort(SCHOOL, class_group="2A")) == []
    assert listed(session, Cohort(SCHOOL, "2025")) == []


@pytest.mark.parametrize("removed", [ClassGroup, Participation])
def test_students_go_with_their_class_group_and_school(
    session: Session, seeded: Seeded, removed: type[ClassGroup | Participation]
) -> None:
    session.execute(update(removed).values(removed_at=LONG_AGO))
    with pytest.raises(ResourceNotFound):
        read_student(session, INQUIRY, seeded.students["first"])


def test_only_who_is_present_and_within_reach_is_read(session: Session, seeded: Seeded) -> None:
    student, class_group = read_student(session, INQUIRY, seeded.students["first"])
    assert (student.delivered_as, class_group.name) == ("first", "4A")
    for student_id in (seeded.students["other"], seeded.students["removed"], uuid4()):
        with pytest.raises(ResourceNotFound):
            read_student(session, INQUIRY, student_id)


@pytest.mark.usefixtures("seeded")
def test_a_list_of_another_school_is_not_there(session: Session) -> None:
    with pytest.raises(ResourceNotFound):
        list_students(session, INQUIRY, Cohort(OTHER), 0, 50)


def test_each_read_is_on_the_trail_once(session: Session, seeded: Seeded) -> None:
    read_student(session, INQUIRY, seeded.students["first"])
    list_students(session, INQUIRY, Cohort(SCHOOL), 0, 50)
    session.commit()
    assert session.scalar(select(func.count()).select_from(AuditEvent)) == 2
