"""Use case of hand-out lists: read who has a fiche, and who has none and why."""

from shared.access.decisions import About, allow
from shared.access.requests import AccessRequest
from shared.core.paging import Page, PageSelection
from shared.core.unit_of_work import UnitOfWork
from shared.documents.hand_out_lists import repository
from shared.documents.hand_out_lists.repository import HandOutRow
from shared.documents.rebuilds.reading import outside_rebuilds
from shared.schools.service import require_school
from shared.students.repository import Cohort


def list_entries(
    unit: UnitOfWork, access: AccessRequest, cohort: Cohort, selection: PageSelection
) -> Page[HandOutRow]:
    """Return a page of the hand-out lists of a cohort; empty before the release.

    Raises:
        ResourceNotFound: when the school does not exist or is out of reach.
        DocumentsBeingRebuilt: while its documents are being rebuilt.
    """
    require_school(unit, access, cohort.school_id)
    with outside_rebuilds(unit.session, cohort.school_id, cohort.administration_id):
        page = repository.page_of_entries(unit.session, cohort, selection)
    allow(unit, access, cohort.school_id, About(tuple(row.student.id for row in page.rows)))
    return page
