"""Operations on results: levels per component, once they are released."""

from services.api.dependencies import LinksDep, PageDep, ResultsReader, SessionDep
from services.api.parameters import (
    AdministrationQuery,
    ClassGroupQuery,
    SchoolPath,
    StudentPath,
)
from services.api.routing import operations
from services.api.schemas.results import Result, ResultPage
from shared.results import service
from shared.students.repository import Cohort

router = operations("results")


@router.get("/schools/{schoolId}/results")
def list_school_results(
    school_id: SchoolPath,
    inquiry: ResultsReader,
    session: SessionDep,
    page: PageDep,
    links: LinksDep,
    administration_id: AdministrationQuery = None,
    class_group: ClassGroupQuery = None,
) -> ResultPage:
    """The released results of a school, student by student; empty while nothing is released."""
    cohort = Cohort(school_id, administration_id, class_group)
    total, results = service.list_results(session, inquiry, cohort, page.offset, page.size)
    return ResultPage(items=[Result.of(r, links) for r in results], **page.about(total))


@router.get("/students/{studentId}/results")
def list_student_results(
    student_id: StudentPath,
    inquiry: ResultsReader,
    session: SessionDep,
    page: PageDep,
    links: LinksDep,
) -> ResultPage:
    """The released results of a student; empty while nothing is released."""
    total, results = service.list_student_results(
        session, inquiry, student_id, page.offset, page.size
    )
    return ResultPage(items=[Result.of(r, links) for r in results], **page.about(total))
