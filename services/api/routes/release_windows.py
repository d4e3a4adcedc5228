"""Operations on release windows: when feedback becomes visible."""

from fastapi import Response

from services.api.dependencies import LinksDep, UnitDep
from services.api.operations.idempotency import IdempotencyDep
from services.api.operations.operation import operations
from services.api.operations.pagination import PageDep
from services.api.operations.parameters import AdministrationQuery, WindowPath
from services.api.operations.problem_responses import problems
from services.api.operations.response_headers import headers
from services.api.schemas.release_windows import (
    NewReleaseWindow,
    ReleaseWindow,
    ReleaseWindowChange,
    ReleaseWindowPage,
)
from services.api.security.permissions import ReleasesReader, ReleasesWriter
from shared.releases import service

router = operations("releaseWindows")

_LOCATION = headers("Location")


@router.get("/releaseWindows")
def list_release_windows(
    _: ReleasesReader,
    unit: UnitDep,
    page: PageDep,
    links: LinksDep,
    administration_id: AdministrationQuery = None,
) -> ReleaseWindowPage:
    """List the windows by administration, the widest first."""
    found = service.list_windows(unit.session, administration_id, page.selection)
    items = [ReleaseWindow.of(view, links) for view in found.rows]
    return ReleaseWindowPage(items=items, **page.metadata(found))


@router.get("/releaseWindows/{windowId}")
def get_release_window(
    window_id: WindowPath, _: ReleasesReader, unit: UnitDep, links: LinksDep
) -> ReleaseWindow:
    """Return one window."""
    return ReleaseWindow.of(service.read_window(unit.session, window_id), links)


@router.post(
    "/releaseWindows",
    status_code=201,
    responses={201: {"headers": _LOCATION}, **problems("releaseWindowExists")},
)
def create_release_window(
    window: NewReleaseWindow,
    access: ReleasesWriter,
    unit: UnitDep,
    _idempotency: IdempotencyDep,
    links: LinksDep,
    response: Response,
) -> ReleaseWindow:
    """Plan a window; without `opensAt` it opens nothing."""
    created = ReleaseWindow.of(service.create_window(unit, access, window.plan()), links)
    response.headers["Location"] = created.href
    return created


@router.patch("/releaseWindows/{windowId}", responses=problems("releaseWindowExists"))
def change_release_window(
    window_id: WindowPath,
    change: ReleaseWindowChange,
    access: ReleasesWriter,
    unit: UnitDep,
    links: LinksDep,
) -> ReleaseWindow:
    """Change the moments of a window; takes effect at once."""
    view = service.change_window(unit, access, window_id, change.changes())
    return ReleaseWindow.of(view, links)


@router.delete("/releaseWindows/{windowId}", status_code=204)
def remove_release_window(window_id: WindowPath, access: ReleasesWriter, unit: UnitDep) -> None:
    """Remove a window; from then on a wider one decides, if there is one. Takes effect at once."""
    service.remove_window(unit, access, window_id)
