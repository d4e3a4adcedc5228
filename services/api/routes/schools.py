"""Operations on schools."""

from services.api.dependencies import LinksDep, UnitDep
from services.api.operations.operation import operations
from services.api.operations.pagination import PageDep
from services.api.operations.parameters import AdministrationQuery, SchoolPath
from services.api.schemas.schools import School, SchoolPage
from services.api.security.permissions import SchoolsReader
from shared.schools import service

router = operations("schools")


@router.get("/schools")
def list_schools(
    access: SchoolsReader,
    unit: UnitDep,
    page: PageDep,
    links: LinksDep,
    administration_id: AdministrationQuery = None,
) -> SchoolPage:
    """List the schools that the caller can see, by number."""
    found = service.list_schools(unit.session, access, administration_id, page.selection)
    items = [School.of(school, links) for school in found.rows]
    return SchoolPage(items=items, **page.metadata(found))


@router.get("/schools/{schoolId}")
def get_school(
    school_id: SchoolPath, access: SchoolsReader, unit: UnitDep, links: LinksDep
) -> School:
    """Return one school."""
    return School.of(service.require_school(unit, access, school_id), links)
