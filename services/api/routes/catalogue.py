"""Operations on administrations and on the code lists that results are understood with."""

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
    access: SchoolsReader, unit: UnitDep, page: PageDep
) -> AdministrationPage:
    """The administrations in which a school takes part that the caller can see, newest first."""
    total, rows = service.list_administrations(session, access, page.offset, page.size)
    return AdministrationPage(
        items=[Administration.of(row) for row in rows], **page.metadata(total)
    )


@router.get("/refData/levelScales")
def list_level_scales(
    _: SchoolsReader, unit: UnitDep, administration_id: OneAdministrationQuery
) -> LevelScales:
    """The scales of an administration with their levels; empty for one that is not there."""
    scales = service.list_level_scales(session, administration_id)
    return LevelScales(items=[LevelScale.of(scale) for scale in scales], total=len(scales))


@router.get("/refData/components")
def list_components(
    _: SchoolsReader, unit: UnitDep, administration_id: OneAdministrationQuery
) -> Components:
    """The components of an administration, without calibrations."""
    rows = service.list_components(session, administration_id)
    return Components(items=[Component.of(row) for row in rows], total=len(rows))
