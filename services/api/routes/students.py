"""Operations on students."""

from services.api.operations.operation import operations
from services.api.operations.parameters import CohortDep, StudentPath
from services.api.schemas.students import Student, StudentPage
from services.api.security.permissions import LinksDep, PageDep, SessionDep, StudentsReader
from shared.students import service

router = operations("students")


@router.get("/schools/{schoolId}/students")
def list_school_students(
    inquiry: StudentsReader,
    session: SessionDep,
    cohort: CohortDep,
    page: PageDep,
    links: LinksDep,
) -> StudentPage:
    """List the students of a school, by class group and name."""
    total, rows = service.list_students(session, inquiry, cohort, page.offset, page.size)
    return StudentPage(items=[Student.of(row, links) for row in rows], **page.metadata(total))


@router.get("/students/{studentId}")
def get_student(
    student_id: StudentPath, inquiry: StudentsReader, session: SessionDep, links: LinksDep
) -> Student:
    """Get a student."""
    return Student.of(service.read_student(session, inquiry, student_id), links)
