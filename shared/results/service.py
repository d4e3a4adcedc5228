"""Use cases of results and of their reference data: administrations, levels and components."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy.orm import Session

from shared.access.decisions import About, allow
from shared.access.requests import AccessRequest
from shared.core.paging import Page, PageSelection
from shared.core.unit_of_work import UnitOfWork
from shared.results import repository
from shared.results.models import Administration
from shared.results.repository import ComponentResult, ComponentRow, LevelScale
from shared.schools.service import require_school
from shared.students.repository import Cohort
from shared.students.service import require_student


def list_results(
    unit: UnitOfWork, access: AccessRequest, cohort: Cohort, selection: PageSelection
) -> Page[ComponentResult]:
    """Return a page of the released results of a cohort.

    Before a release window opens, the list of the caller's own school is empty.

    Raises:
        ResourceNotFound: when the school does not exist or is out of reach.
    """
    page: Page[ComponentResult] = Page([], 0)
    if access.reach.includes(cohort.school_id):
        page = repository.page_of_results(unit.session, cohort, selection)
    if page.total == 0:  # a school with results exists, so nothing needs to be looked up
        require_school(unit, access, cohort.school_id)
    students = dict.fromkeys(result.student_id for result in page.rows)
    allow(unit, access, cohort.school_id, About(tuple(students)))
    return page


def list_student_results(
    unit: UnitOfWork, access: AccessRequest, student_id: UUID, selection: PageSelection
) -> Page[ComponentResult]:
    """Return a page of the released results of one student.

    Raises:
        ResourceNotFound: when the student does not exist or is out of reach.
    """
    student = require_student(unit, access, student_id).student
    page = repository.page_of_student_results(unit.session, student_id, selection)
    allow(unit, access, student.school_id, About((student_id,)))
    return page


def list_administrations(
    session: Session, access: AccessRequest, selection: PageSelection
) -> Page[Administration]:
    """Return a page of the administrations with a school within reach, newest first."""
    return repository.page_of_administrations(session, access.reach.schools, selection)


def list_level_scales(
    session: Session, access: AccessRequest, administration_id: str
) -> list[LevelScale]:
    """Return the level scales of an administration; none without a school of it within reach."""
    return repository.level_scales(session, administration_id, access.reach.schools)


def list_components(
    session: Session, access: AccessRequest, administration_id: str
) -> Sequence[ComponentRow]:
    """Return its components without calibrations; none without a school of it within reach."""
    return repository.components(session, administration_id, access.reach.schools)
