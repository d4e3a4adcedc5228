"""Use cases of students: a school reads who its students are."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy.orm import Session

from shared.schools.service import Inquiry, grant, refuse, require_school
from shared.students import repository
from shared.students.repository import Cohort, StudentRow


def list_students(
    session: Session, inquiry: Inquiry, cohort: Cohort, offset: int, limit: int
) -> tuple[int, Sequence[StudentRow]]:
    """How many students the cohort has, and a page of them by class group and name.

    Raises:
        ResourceNotFound: when the school is not there or out of reach.
    """
    require_school(session, inquiry, cohort.school_id)
    page = repository.page_of_students(session, cohort, offset, limit)
    grant(session, inquiry, cohort.school_id)
    return page


def require_student(session: Session, inquiry: Inquiry, student_id: UUID) -> StudentRow:
    """The student, if there is one within reach; a refusal is put on the trail.

    Raises:
        ResourceNotFound: otherwise.
    """
    row = repository.find_student(session, student_id)
    if row is None or not inquiry.reaches(row[0].school_id):
        refuse(session, inquiry, repository.school_of_student(session, student_id), "reach")
    return row


def read_student(session: Session, inquiry: Inquiry, student_id: UUID) -> StudentRow:
    row = require_student(session, inquiry, student_id)
    grant(session, inquiry, row[0].school_id)
    return row
