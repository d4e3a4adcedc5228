"""Operations on released results: levels per component."""

from services.api.dependencies import LinksDep, UnitDep
from services.api.operations.operation import operations
from services.api.operations.pagination import PageDep
from services.api.operations.parameters import CohortDep, StudentPath
from services.api.schemas.results import ResultPage
from services.api.security.permissions import ResultsReader
from shared.results import service

router = operations("results")


@router.get("/schools/{schoolId}/results")
def list_school_results(
    access: ResultsReader,
    unit: UnitDep,
    cohort: CohortDep,
    page: PageDep,
    links: LinksDep,
) -> ResultPage:
    """List the released results of a school, by student; empty while nothing is released."""
    found = service.list_results(unit, access, cohort, page.selection)
    return ResultPage.of(found, page, links)


@router.get("/students/{studentId}/results")
def list_student_results(
    student_id: StudentPath,
    access: ResultsReader,
    unit: UnitDep,
    page: PageDep,
    links: LinksDep,
) -> ResultPage:
    """List the released results of a student; empty while nothing is released."""
    found = service.list_student_results(unit, access, student_id, page.selection)
    return ResultPage.of(found, page, links)
