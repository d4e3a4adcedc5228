"""Operations on administrations, and on the code lists of their results."""

from services.api.operations.operation import operations
from services.api.operations.parameters import OneAdministrationQuery
from services.api.schemas.catalogue import (
    Administration,
    AdministrationPage,
    Component,
    Components,
    LevelScale,
    LevelScales,
)
from services.api.security.permissions import PageDep, SchoolsReader, SessionDep
from shared.results import service

router = operations("catalogue")


@router.get("/administrations")
def list_administrations(
    inquiry: SchoolsReader, session: SessionDep, page: PageDep
) -> AdministrationPage:
    """List the administrations of the schools that are visible to the caller, newest first."""
    total, rows = service.list_administrations(session, inquiry, page.offset, page.size)
    return AdministrationPage(
        items=[Administration.of(row) for row in rows], **page.metadata(total)
    )


@router.get("/refData/levelScales")
def list_level_scales(
    _: SchoolsReader, session: SessionDep, administration_id: OneAdministrationQuery
) -> LevelScales:
    """List the scales of an administration with their levels; empty when it does not exist."""
    scales = service.list_level_scales(session, administration_id)
    return LevelScales(items=[LevelScale.of(scale) for scale in scales], total=len(scales))


@router.get("/refData/components")
def list_components(
    _: SchoolsReader, session: SessionDep, administration_id: OneAdministrationQuery
) -> Components:
    """List the components of an administration, without calibrations."""
    rows = service.list_components(session, administration_id)
    return Components(items=[Component.of(row) for row in rows], total=len(rows))
