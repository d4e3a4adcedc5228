"""Use cases of reading results, and the facts one needs to understand them."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy.orm import Session

from shared.core.errors import ResourceNotFound
from shared.results import repository
from shared.results.models import Administration, Delivery, Level
from shared.results.repository import ComponentResult, ComponentRow
from shared.schools.service import Inquiry, grant, require_school
from shared.students.repository import Cohort
from shared.students.service import require_student


def list_results(
    session: Session, inquiry: Inquiry, cohort: Cohort, offset: int, limit: int
) -> tuple[int, list[ComponentResult]]:
    """How many results of the cohort are released now, and a page of them.

    Before anything opens a school's own list is there, and empty.

    Raises:
        ResourceNotFound: when the school is not there or out of reach.
    """
    page: tuple[int, list[ComponentResult]] = 0, []
    if inquiry.reaches(cohort.school_id):
        page = repository.page_of_results(session, cohort, offset, limit)
    if page[0] == 0:  # else it is there
        require_school(session, inquiry, cohort.school_id)
    grant(session, inquiry, cohort.school_id)
    return page


def list_student_results(
    session: Session, inquiry: Inquiry, student_id: UUID, offset: int, limit: int
) -> tuple[int, list[ComponentResult]]:
    """The same for one student.

    Raises:
        ResourceNotFound: when the student is not there or out of reach.
    """
    student, _ = require_student(session, inquiry, student_id)
    page = repository.page_of_student_results(session, student_id, offset, limit)
    grant(session, inquiry, student.school_id)
    return page


def list_administrations(
    session: Session, inquiry: Inquiry, offset: int, limit: int
) -> tuple[int, Sequence[Administration]]:
    return repository.page_of_administrations(session, inquiry.schools, offset, limit)


def list_level_scales(session: Session, administration_id: str) -> list[tuple[str, list[Level]]]:
    """None for an administration that is not there."""
    return repository.level_scales(session, administration_id)


def list_components(session: Session, administration_id: str) -> Sequence[ComponentRow]:
    """Without calibrations, about which no student gets feedback."""
    return repository.components(session, administration_id)


def read_delivery(session: Session, delivery_id: UUID) -> Delivery:
    """Raises ResourceNotFound when nothing was handed over under this id."""
    delivery = repository.find_delivery(session, delivery_id)
    if delivery is None:
        raise ResourceNotFound
    return delivery
