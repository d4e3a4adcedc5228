"""Operations on schools."""

from services.api.operations.operation import operations
from services.api.operations.parameters import AdministrationQuery, SchoolPath
from services.api.schemas.schools import School, SchoolPage
from services.api.security.permissions import LinksDep, PageDep, SchoolsReader, SessionDep
from shared.schools import service

router = operations("schools")


@router.get("/schools")
def list_schools(
    inquiry: SchoolsReader,
    session: SessionDep,
    page: PageDep,
    links: LinksDep,
    administration_id: AdministrationQuery = None,
) -> SchoolPage:
    """List the schools that are visible to the caller, by number."""
    total, schools = service.list_schools(
        session, inquiry, administration_id, page.offset, page.size
    )
    return SchoolPage(
        items=[School.of(school, links) for school in schools], **page.metadata(total)
    )


@router.get("/schools/{schoolId}")
def get_school(
    school_id: SchoolPath, inquiry: SchoolsReader, session: SessionDep, links: LinksDep
) -> School:
    """Get a school."""
    return School.of(service.read_school(session, inquiry, school_id), links)
