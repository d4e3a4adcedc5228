"""Operations on school feedback: the figures of a school, and their versions."""

from services.api.dependencies import LinksDep, UnitDep
from services.api.operations.operation import operations
from services.api.operations.pagination import PageDep
from services.api.operations.parameters import OneAdministrationQuery, SchoolPath
from services.api.schemas.school_feedback import (
    FeedbackVersion,
    FeedbackVersionPage,
    SchoolFeedback,
)
from services.api.security.permissions import FeedbackReader
from shared.school_feedback import service

router = operations("schoolFeedback")


@router.get("/schools/{schoolId}/feedback")
def get_school_feedback(
    school_id: SchoolPath,
    administration_id: OneAdministrationQuery,
    access: FeedbackReader,
    unit: UnitDep,
    links: LinksDep,
) -> SchoolFeedback:
    """Return the released figures of a school; without components while nothing is released."""
    found = service.read_feedback(unit, access, school_id, administration_id)
    return SchoolFeedback.of(found, school_id, administration_id, links)


@router.get("/schools/{schoolId}/feedback/versions")
def list_school_feedback_versions(
    school_id: SchoolPath,
    administration_id: OneAdministrationQuery,
    access: FeedbackReader,
    unit: UnitDep,
    page: PageDep,
) -> FeedbackVersionPage:
    """List the versions of the released figures of a school, by component."""
    found = service.list_versions(unit, access, school_id, administration_id, page.selection)
    items = [FeedbackVersion.of(row) for row in found.rows]
    return FeedbackVersionPage(items=items, **page.metadata(found))
