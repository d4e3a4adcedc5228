"""Operations on results: levels per component, once they are released."""

from services.api.operations.operation import operations
from services.api.operations.parameters import CohortDep, StudentPath
from services.api.schemas.results import ResultPage
from services.api.security.permissions import LinksDep, PageDep, ResultsReader, SessionDep
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
    """The released results of a school, student by student; empty while nothing is released."""
    total, results = service.list_results(session, access, cohort, page.offset, page.size)
    return ResultPage.of(total, results, page, links)


@router.get("/students/{studentId}/results")
def list_student_results(
    student_id: StudentPath,
    access: ResultsReader,
    unit: UnitDep,
    page: PageDep,
    links: LinksDep,
) -> ResultPage:
    """The released results of a student; empty while nothing is released."""
    total, results = service.list_student_results(
        session, access, student_id, page.offset, page.size
    )
    return ResultPage.of(total, results, page, links)
