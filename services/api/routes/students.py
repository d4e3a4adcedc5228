"""Operations on students."""

from services.api.dependencies import LinksDep, UnitDep
from services.api.operations.operation import operations
from services.api.operations.pagination import PageDep
from services.api.operations.parameters import (
    AdministrationQuery,
    CohortDep,
    SchoolPath,
    StudentPath,
)
from services.api.schemas.students import (
    ClassGroup,
    ClassGroupPage,
    FoundStudents,
    Student,
    StudentPage,
    StudentSearch,
)
from services.api.security.permissions import StudentsReader
from shared.students import service
from shared.students.repository import Cohort

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


@router.get("/schools/{schoolId}/classGroups")
def list_school_class_groups(
    school_id: SchoolPath,
    access: StudentsReader,
    unit: UnitDep,
    page: PageDep,
    administration_id: AdministrationQuery = None,
) -> ClassGroupPage:
    """List the class groups of a school by name, with the number of their students."""
    cohort = Cohort(school_id, administration_id)
    found = service.list_class_groups(unit, access, cohort, page.selection)
    items = [ClassGroup.of(row) for row in found.rows]
    return ClassGroupPage(items=items, **page.metadata(found))


@router.post("/schools/{schoolId}/students/search")
def search_school_students(
    school_id: SchoolPath,
    search: StudentSearch,
    access: StudentsReader,
    unit: UnitDep,
    links: LinksDep,
) -> FoundStudents:
    """Find students of a school by name, without regard to accents and case."""
    cohort = Cohort(school_id, search.administration_id)
    rows = service.search_students(unit, access, cohort, search.name)
    return FoundStudents(items=[Student.of(row, links) for row in rows])


@router.get("/students/{studentId}")
def get_student(
    student_id: StudentPath, access: StudentsReader, unit: UnitDep, links: LinksDep
) -> Student:
    """Return one student."""
    return Student.of(service.read_student(unit, access, student_id), links)
