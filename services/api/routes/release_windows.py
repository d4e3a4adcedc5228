"""Operations on release windows: when feedback becomes visible."""

from services.api.dependencies import LinksDep, UnitDep
from services.api.operations.operation import operations
from services.api.operations.pagination import PageDep
from services.api.operations.parameters import AdministrationQuery, WindowPath
from services.api.schemas.release_windows import ReleaseWindow, ReleaseWindowPage
from services.api.security.permissions import ReleasesReader
from shared.releases import service

router = operations("releaseWindows")


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
