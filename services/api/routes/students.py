"""Operations on students."""

from services.api.dependencies import LinksDep, UnitDep
from services.api.operations.operation import operations
from services.api.operations.pagination import PageDep
from services.api.operations.parameters import CohortDep, StudentPath
from services.api.schemas.students import Student, StudentPage
from services.api.security.permissions import StudentsReader
from shared.students import service

router = operations("students")


@router.get("/schools/{schoolId}/students")
def list_school_students(
    access: StudentsReader,
    unit: UnitDep,
    cohort: CohortDep,
    page: PageDep,
    links: LinksDep,
) -> StudentPage:
    """List the students of a school, by class group and name."""
    found = service.list_students(unit, access, cohort, page.selection)
    items = [Student.of(row, links) for row in found.rows]
    return StudentPage(items=items, **page.metadata(found))


@router.get("/students/{studentId}")
def get_student(
    student_id: StudentPath, access: StudentsReader, unit: UnitDep, links: LinksDep
) -> Student:
    """Return one student."""
    return Student.of(service.read_student(unit, access, student_id), links)
