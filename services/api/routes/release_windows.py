"""Operations on release windows: when what may be seen."""

from fastapi import Response

from services.api.operations.idempotency import WindowsCreator
from services.api.operations.operation import operations, problems
from services.api.operations.parameters import AdministrationQuery, WindowPath
from services.api.schemas.release_windows import (
    NewReleaseWindow,
    ReleaseWindow,
    ReleaseWindowChange,
    ReleaseWindowPage,
)
from services.api.security.permissions import (
    LinksDep,
    PageDep,
    ReleasesReader,
    ReleasesWriter,
    SessionDep,
)
from shared.releases import service

router = operations("releaseWindows")

_LOCATION = {"Location": {"schema": {"type": "string", "format": "uri"}}}


@router.get("/releaseWindows")
def list_release_windows(
    _: ReleasesReader,
    session: SessionDep,
    page: PageDep,
    links: LinksDep,
    administration_id: AdministrationQuery = None,
) -> ReleaseWindowPage:
    """Windows by administration, the widest first."""
    total, views = service.list_windows(session, administration_id, page.offset, page.size)
    windows = [ReleaseWindow.of(view, links) for view in views]
    return ReleaseWindowPage(items=windows, **page.about(total))


@router.get("/releaseWindows/{windowId}")
def get_release_window(
    window_id: WindowPath, _: ReleasesReader, session: SessionDep, links: LinksDep
) -> ReleaseWindow:
    """One window."""
    return ReleaseWindow.of(service.read_window(session, window_id), links)


@router.post(
    "/releaseWindows",
    status_code=201,
    responses={201: {"headers": _LOCATION}, **problems(409, 413, 415, 422)},
)
def create_release_window(
    window: NewReleaseWindow,
    inquiry: WindowsCreator,
    session: SessionDep,
    links: LinksDep,
    response: Response,
) -> ReleaseWindow:
    """Plans a window; without `opensAt` it opens nothing."""
    created = ReleaseWindow.of(service.create_window(session, inquiry.actor, window.plan()), links)
    response.headers["Location"] = created.href
    return created


@router.patch("/releaseWindows/{windowId}", responses=problems(409, 413, 415))
def change_release_window(
    window_id: WindowPath,
    change: ReleaseWindowChange,
    inquiry: ReleasesWriter,
    session: SessionDep,
    links: LinksDep,
) -> ReleaseWindow:
    """Changes the moments of a window; takes effect at once."""
    view = service.change_window(session, inquiry.actor, window_id, change.changes())
    return ReleaseWindow.of(view, links)
