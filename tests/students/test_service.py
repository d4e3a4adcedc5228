from uuid import uuid4

import pytest
from sqlalchemy import func, select, update

from shared.access.decisions import act_for
from shared.audit.models import AuditEvent
from shared.core.errors import ResourceNotFound
from shared.core.paging import PageSelection
from shared.core.unit_of_work import UnitOfWork
from shared.schools.models import Participation
from shared.students.models import ClassGroup
from shared.students.repository import Cohort
from shared.students.service import list_students, read_student
from tests.api.seeding import LONG_AGO, OTHER, SCHOOL, Seeded, seed_schools
from tests.callers import school_request

ACCESS = school_request(SCHOOL)


@pytest.fixture
def seeded(unit: UnitOfWork) -> Seeded:
    act_for(unit, ACCESS.caller)
    return seed_schools(unit.session)


def listed(unit: UnitOfWork, cohort: Cohort) -> list[str]:
    page = list_students(unit, ACCESS, cohort, PageSelection(50))
    names = [student.delivered_as for student, _ in page.rows]
    assert page.total == len(names)
    return names


@pytest.mark.usefixtures("seeded")
def test_a_cohort_is_a_school_an_administration_or_a_class_group(unit: UnitOfWork) -> None:
    assert listed(unit, Cohort(SCHOOL)) == ["first", "second", "third"]
    assert listed(unit, Cohort(SCHOOL, "2024", "4B")) == ["third"]
    assert listed(unit, Cohort(SCHOOL, class_group="2A")) == []
    assert listed(unit, Cohort(SCHOOL, "2025")) == []


@pytest.mark.parametrize("removed", [ClassGroup, Participation])
def test_students_of_a_removed_class_group_or_school_are_not_found(
    unit: UnitOfWork, seeded: Seeded, removed: type[ClassGroup | Participation]
) -> None:
    unit.session.execute(update(removed).values(removed_at=LONG_AGO))
    with pytest.raises(ResourceNotFound):
        read_student(unit, ACCESS, seeded.students["first"])


def test_only_current_students_within_reach_are_read(unit: UnitOfWork, seeded: Seeded) -> None:
    student, class_group = read_student(unit, ACCESS, seeded.students["first"])
    assert (student.delivered_as, class_group.name) == ("first", "4A")
    for student_id in (seeded.students["other"], seeded.students["removed"], uuid4()):
        with pytest.raises(ResourceNotFound):
            read_student(unit, ACCESS, student_id)


@pytest.mark.usefixtures("seeded")
def test_the_list_of_another_school_is_not_found(unit: UnitOfWork) -> None:
    with pytest.raises(ResourceNotFound):
        list_students(unit, ACCESS, Cohort(OTHER), PageSelection(50))


def test_each_read_is_recorded_in_the_audit_log_once(unit: UnitOfWork, seeded: Seeded) -> None:
    read_student(unit, ACCESS, seeded.students["first"])
    list_students(unit, ACCESS, Cohort(SCHOOL), PageSelection(50))
    unit.commit()
    assert unit.session.scalar(select(func.count()).select_from(AuditEvent)) == 2
