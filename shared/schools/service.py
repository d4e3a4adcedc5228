"""Use cases of schools: list those that the caller can see, and read one."""

from sqlalchemy.orm import Session

from shared.access.decisions import Rule, deny
from shared.access.requests import AccessRequest
from shared.core.paging import Page, PageSelection
from shared.core.unit_of_work import UnitOfWork
from shared.schools import repository
from shared.schools.models import School


def require_school(unit: UnitOfWork, access: AccessRequest, school_id: str) -> School:
    """Return the school if it takes part in an administration and is within reach.

    It is read in both cases, so that both refusals take the same time.

    Raises:
        ResourceNotFound: otherwise; the refusal is recorded in the audit log.
    """
    school = repository.find_school(unit.session, school_id)
    if school is None or not access.reach.includes(school_id):
        known = school_id if repository.is_known(unit.session, school_id) else None
        deny(unit, access, known, Rule.REACH)
    return school


def list_schools(
    session: Session,
    access: AccessRequest,
    administration_id: str | None,
    selection: PageSelection,
) -> Page[School]:
    """Return a page of the schools within reach by number.

    The list is not recorded: facts of schools are public, the audit log is about student data.
    """
    return repository.page_of_schools(session, access.reach.schools, administration_id, selection)
