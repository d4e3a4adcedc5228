"""Operations on hand-out lists."""

from services.api.dependencies import LinksDep, UnitDep
from services.api.operations.operation import operations
from services.api.operations.pagination import PageDep
from services.api.operations.parameters import CohortDep
from services.api.operations.problem_responses import problems
from services.api.schemas.hand_out_entries import HandOutEntry, HandOutEntryPage
from services.api.security.permissions import FichesReader
from shared.documents.hand_out_lists import service

router = operations("documents")


@router.get("/schools/{schoolId}/handOutEntries", responses=problems("documentBeingRebuilt"))
def list_school_hand_out_entries(
    access: FichesReader,
    unit: UnitDep,
    cohort: CohortDep,
    page: PageDep,
    links: LinksDep,
) -> HandOutEntryPage:
    """List who has a fiche to hand over, and who has none and why, by class group and name.

    Only of students whose feedback is released: empty while nothing is. The bundle and the print
    file of a class group have the same list on paper.
    """
    found = service.list_entries(unit, access, cohort, page.selection)
    items = [HandOutEntry.of(row, links) for row in found.rows]
    return HandOutEntryPage(items=items, **page.metadata(found))
