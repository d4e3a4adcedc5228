"""Use cases of results and of their reference data: administrations, levels and components."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy.orm import Session

from shared.results import repository
from shared.results.models import Administration
from shared.results.repository import ComponentResult, ComponentRow, LevelScale
from shared.schools.service import Inquiry, grant, require_school
from shared.students.repository import Cohort
from shared.students.service import require_student


def list_results(
    session: Session, inquiry: Inquiry, cohort: Cohort, offset: int, limit: int
) -> tuple[int, list[ComponentResult]]:
    """Return the number of released results of the cohort, and a page of them.

    The list is empty as long as nothing is released.

    Raises:
        ResourceNotFound: the school does not exist or is out of reach.
    """
    page: tuple[int, list[ComponentResult]] = 0, []
    if inquiry.reaches(cohort.school_id):
        page = repository.page_of_results(session, cohort, offset, limit)
    if page[0] == 0:  # otherwise the school exists
        require_school(session, inquiry, cohort.school_id)
    grant(session, inquiry, cohort.school_id)
    return page


def list_student_results(
    session: Session, inquiry: Inquiry, student_id: UUID, offset: int, limit: int
) -> tuple[int, list[ComponentResult]]:
    """Return the number of released results of the student, and a page of them.

    Raises:
        ResourceNotFound: the student does not exist or is out of reach.
    """
    student, _ = require_student(session, inquiry, student_id)
    page = repository.page_of_student_results(session, student_id, offset, limit)
    grant(session, inquiry, student.school_id)
    return page


def list_administrations(
    session: Session, inquiry: Inquiry, offset: int, limit: int
) -> tuple[int, Sequence[Administration]]:
    return repository.page_of_administrations(session, inquiry.schools, offset, limit)


def list_level_scales(session: Session, administration_id: str) -> list[LevelScale]:
    """Return the level scales of an administration; empty if it does not exist."""
    return repository.level_scales(session, administration_id)


def list_components(session: Session, administration_id: str) -> Sequence[ComponentRow]:
    """Return the components of an administration, without calibrations."""
    return repository.components(session, administration_id)
