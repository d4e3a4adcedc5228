"""Use cases of superseded documents: record a download, and list what has been replaced since."""

from shared.access.decisions import About, allow
from shared.access.requests import AccessRequest
from shared.core.paging import Page, PageSelection
from shared.core.unit_of_work import UnitOfWork
from shared.documents.rebuilds.reading import outside_rebuilds
from shared.documents.superseded import repository
from shared.documents.superseded.repository import SupersededRow
from shared.schools.service import require_school


def list_superseded(
    unit: UnitOfWork,
    access: AccessRequest,
    school_id: str,
    administration_id: str | None,
    selection: PageSelection,
) -> Page[SupersededRow]:
    """Return a page of the downloaded documents that were replaced or withdrawn, latest first.

    Raises:
        ResourceNotFound: when the school does not exist or is out of reach.
        DocumentsBeingRebuilt: while its documents are being rebuilt.
    """
    require_school(unit, access, school_id)
    with outside_rebuilds(unit.session, school_id, administration_id):
        page = repository.page_of_downloaded(unit.session, school_id, administration_id, selection)
    students = tuple(row.superseded.student_id for row in page.rows if row.superseded.student_id)
    allow(unit, access, school_id, About(students))
    return page
