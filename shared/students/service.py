"""Use cases of students: list those of a school, and read one."""

from collections.abc import Sequence
from uuid import UUID

from shared.access.decisions import About, Rule, allow, deny
from shared.access.requests import AccessRequest
from shared.core.collation import words_of
from shared.core.errors import InvalidInput
from shared.core.paging import Page, PageSelection
from shared.core.unit_of_work import UnitOfWork
from shared.schools.service import require_school
from shared.students import repository
from shared.students.repository import ClassGroupRow, Cohort, StudentRow


def list_students(
    unit: UnitOfWork, access: AccessRequest, cohort: Cohort, selection: PageSelection
) -> Page[StudentRow]:
    """Return a page of the students of a cohort by class group and name.

    Raises:
        ResourceNotFound: when the school does not exist or is out of reach.
    """
    require_school(unit, access, cohort.school_id)
    page = repository.page_of_students(unit.session, cohort, selection)
    allow(unit, access, cohort.school_id, About(tuple(row.student.id for row in page.rows)))
    return page


def list_class_groups(
    unit: UnitOfWork, access: AccessRequest, cohort: Cohort, selection: PageSelection
) -> Page[ClassGroupRow]:
    """Return a page of the class groups of a cohort by name, with the number of students.

    The list is about no student, and the audit log has none with it.

    Raises:
        ResourceNotFound: when the school does not exist or is out of reach.
    """
    require_school(unit, access, cohort.school_id)
    page = repository.page_of_class_groups(unit.session, cohort, selection)
    allow(unit, access, cohort.school_id)
    return page


def search_students(
    unit: UnitOfWork, access: AccessRequest, cohort: Cohort, name: str
) -> Sequence[StudentRow]:
    """Return the first students of a cohort with a name that has words which begin so.

    Raises:
        InvalidInput: when the name has no letter or digit.
        ResourceNotFound: when the school does not exist or is out of reach.
    """
    require_school(unit, access, cohort.school_id)
    words = words_of(name)
    if not words:
        raise InvalidInput("name", detail="Must have a letter or a digit.")
    rows = repository.find_by_name(unit.session, cohort, words)
    allow(unit, access, cohort.school_id, About(tuple(row.student.id for row in rows)))
    return rows


def require_student(unit: UnitOfWork, access: AccessRequest, student_id: UUID) -> StudentRow:
    """Return the student if there is one within reach.

    Raises:
        ResourceNotFound: otherwise; the refusal is recorded in the audit log.
    """
    row = repository.find_student(unit.session, student_id)
    if row is None or not access.reach.includes(row.student.school_id):
        school_id = repository.school_of_student(unit.session, student_id)
        deny(unit, access, school_id, Rule.REACH, About((student_id,)))
    return row


def read_student(unit: UnitOfWork, access: AccessRequest, student_id: UUID) -> StudentRow:
    """Return the student and record the read.

    Raises:
        ResourceNotFound: when it does not exist or is out of reach.
    """
    row = require_student(unit, access, student_id)
    allow(unit, access, row.student.school_id, About((student_id,)))
    return row


def read_students(unit: UnitOfWork, access: AccessRequest, student_ids: Sequence[UUID]) -> None:
    """Require each of the students, who are of the caller's school, and record the read.

    Raises:
        ResourceNotFound: when one of them does not exist any more or is out of reach.
    """
    for student_id in student_ids:
        require_student(unit, access, student_id)
    allow(unit, access, access.caller.school_id, About(student_ids))
