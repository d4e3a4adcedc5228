"""Operations on superseded documents: what a school downloaded and has to replace."""

from services.api.dependencies import LinksDep, UnitDep
from services.api.operations.operation import operations
from services.api.operations.pagination import PageDep
from services.api.operations.parameters import AdministrationQuery, SchoolPath
from services.api.operations.problem_responses import problems
from services.api.schemas.superseded_documents import SupersededDocument, SupersededDocumentPage
from services.api.security.permissions import FichesReader
from shared.documents.superseded import service

router = operations("documents")


@router.get("/schools/{schoolId}/supersededDocuments", responses=problems("documentBeingRebuilt"))
def list_school_superseded_documents(
    school_id: SchoolPath,
    access: FichesReader,
    unit: UnitDep,
    page: PageDep,
    links: LinksDep,
    administration_id: AdministrationQuery = None,
) -> SupersededDocumentPage:
    """List the downloaded documents that were replaced or withdrawn since, the latest first.

    A fiche is listed too if the school downloaded a bundle or print file that contained it. Only
    released documents are listed.
    """
    found = service.list_superseded(unit, access, school_id, administration_id, page.selection)
    items = [SupersededDocument.of(row, links) for row in found.rows]
    return SupersededDocumentPage(items=items, **page.metadata(found))
