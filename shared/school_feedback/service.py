"""Use cases of school feedback: read the released figures of a school, and list their versions."""

from shared.access.decisions import allow
from shared.access.requests import AccessRequest
from shared.core.paging import Page, PageSelection
from shared.core.unit_of_work import UnitOfWork
from shared.school_feedback import released_figures
from shared.school_feedback.figures import SchoolFeedback
from shared.school_feedback.released_figures import FeedbackVersion
from shared.schools.service import require_school


def read_feedback(
    unit: UnitOfWork, access: AccessRequest, school_id: str, administration_id: str
) -> list[SchoolFeedback]:
    """Return the released figures of a school, by target group; none while nothing is released.

    Raises:
        ResourceNotFound: when the school does not exist or is out of reach.
    """
    found: list[SchoolFeedback] = []
    if access.reach.includes(school_id):
        found = released_figures.released_feedback(unit.session, school_id, administration_id)
    if not found:  # a school with figures exists, so nothing needs to be looked up
        require_school(unit, access, school_id)
    allow(unit, access, school_id)
    return found


def list_versions(
    unit: UnitOfWork,
    access: AccessRequest,
    school_id: str,
    administration_id: str,
    selection: PageSelection,
) -> Page[FeedbackVersion]:
    """Return a page of the versions of the released figures of a school.

    Raises:
        ResourceNotFound: when the school does not exist or is out of reach.
    """
    require_school(unit, access, school_id)
    page = released_figures.page_of_versions(unit.session, school_id, administration_id, selection)
    allow(unit, access, school_id)
    return page
