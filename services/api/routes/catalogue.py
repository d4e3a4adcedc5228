"""Operations on administrations and on the code lists of results."""

from services.api.dependencies import UnitDep
from services.api.operations.operation import operations
from services.api.operations.pagination import PageDep
from services.api.operations.parameters import OneAdministrationQuery
from services.api.schemas.catalogue import (
    Administration,
    AdministrationPage,
    Component,
    Components,
    LevelScale,
    LevelScales,
)
from services.api.security.permissions import SchoolsReader
from shared.results import service

router = operations("catalogue")


@router.get("/administrations")
def list_administrations(access: SchoolsReader, unit: UnitDep, page: PageDep) -> AdministrationPage:
    """List the administrations with a school that the caller can see, newest first."""
    found = service.list_administrations(unit.session, access, page.selection)
    items = [Administration.of(row) for row in found.rows]
    return AdministrationPage(items=items, **page.metadata(found))


@router.get("/refData/levelScales")
def list_level_scales(
    access: SchoolsReader, unit: UnitDep, administration_id: OneAdministrationQuery
) -> LevelScales:
    """List the scales of an administration with their levels.

    Empty when it is unknown, or has no school that the caller can see.
    """
    scales = service.list_level_scales(unit.session, access, administration_id)
    return LevelScales(items=[LevelScale.of(scale) for scale in scales], total=len(scales))


@router.get("/refData/components")
def list_components(
    access: SchoolsReader, unit: UnitDep, administration_id: OneAdministrationQuery
) -> Components:
    """List the components of an administration, without calibrations.

    Empty when it is unknown, or has no school that the caller can see.
    """
    rows = service.list_components(unit.session, access, administration_id)
    return Components(items=[Component.of(row) for row in rows], total=len(rows))
