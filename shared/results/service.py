"""Use cases of results and of their reference data: administrations, levels and components."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy.orm import Session

from shared.access.decisions import About, allow
from shared.access.requests import AccessRequest
from shared.core.unit_of_work import UnitOfWork
from shared.results import repository
from shared.results.models import Administration
from shared.results.repository import ComponentResult, ComponentRow, LevelScale
from shared.schools.service import require_school
from shared.students.repository import Cohort
from shared.students.service import require_student


def list_results(
    unit: UnitOfWork, access: AccessRequest, cohort: Cohort, offset: int, limit: int
) -> tuple[int, list[ComponentResult]]:
    """Return the number of released results of a cohort, and a page of them.

    Before a release window opens, the list of the caller's own school is empty.

    Raises:
        ResourceNotFound: when the school does not exist or is out of reach.
    """
    total, results = 0, list[ComponentResult]()
    if access.reach.includes(cohort.school_id):
        total, results = repository.page_of_results(unit.session, cohort, offset, limit)
    if total == 0:  # a school with results exists, so nothing needs to be looked up
        require_school(unit, access, cohort.school_id)
    students = dict.fromkeys(result.student_id for result in results)
    allow(unit, access, cohort.school_id, About(tuple(students)))
    return total, results


def list_student_results(
    unit: UnitOfWork, access: AccessRequest, student_id: UUID, offset: int, limit: int
) -> tuple[int, list[ComponentResult]]:
    """Return the number of released results of one student, and a page of them.

    Raises:
        ResourceNotFound: when the student does not exist or is out of reach.
    """
    student = require_student(unit, access, student_id).student
    page = repository.page_of_student_results(unit.session, student_id, offset, limit)
    allow(unit, access, student.school_id, About((student_id,)))
    return page


def list_administrations(
    session: Session, access: AccessRequest, offset: int, limit: int
) -> tuple[int, Sequence[Administration]]:
    """Return the number of administrations with a school within reach, and a page, newest first."""
    return repository.page_of_administrations(session, access.reach.schools, offset, limit)


def list_level_scales(session: Session, administration_id: str) -> list[LevelScale]:
    """Return the level scales of an administration; none for an unknown administration."""
    return repository.level_scales(session, administration_id)


def list_components(session: Session, administration_id: str) -> Sequence[ComponentRow]:
    """Return the components of an administration, without calibrations."""
    return repository.components(session, administration_id)
