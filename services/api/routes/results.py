"""Operations on released results: levels per component."""

from services.api.operations.operation import operations
from services.api.operations.parameters import CohortDep, StudentPath
from services.api.schemas.results import ResultPage
from services.api.security.permissions import LinksDep, PageDep, ResultsReader, SessionDep
from shared.results import service

router = operations("results")


@router.get("/schools/{schoolId}/results")
def list_school_results(
    inquiry: ResultsReader,
    session: SessionDep,
    cohort: CohortDep,
    page: PageDep,
    links: LinksDep,
) -> ResultPage:
    """List the released results of a school, by student; empty while nothing is released."""
    total, results = service.list_results(session, inquiry, cohort, page.offset, page.size)
    return ResultPage.of(total, results, page, links)


@router.get("/students/{studentId}/results")
def list_student_results(
    student_id: StudentPath,
    inquiry: ResultsReader,
    session: SessionDep,
    page: PageDep,
    links: LinksDep,
) -> ResultPage:
    """List the released results of a student; empty while nothing is released."""
    total, results = service.list_student_results(
        session, inquiry, student_id, page.offset, page.size
    )
    return ResultPage.of(total, results, page, links)
