"""Use cases of release windows: read them with their state. Release plans write them."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from shared.core.clock import database_now
from shared.core.errors import ResourceNotFound
from shared.core.paging import Page, PageSelection
from shared.releases import repository
from shared.releases.models import ReleaseWindow
from shared.releases.repository import WindowRow
from shared.releases.rules import GateState, Window, gate_state


@dataclass(frozen=True, slots=True)
class WindowView:
    """A window with the codes of its scope, and its state by the database's clock."""

    window: ReleaseWindow
    target_group: str | None
    component: str | None
    state: GateState


def list_windows(
    session: Session, administration_id: str | None, selection: PageSelection
) -> Page[WindowView]:
    page = repository.page_of_windows(session, administration_id, selection)
    now = database_now(session)
    return page.map(lambda row: _view(row, now))


def read_window(session: Session, window_id: UUID) -> WindowView:
    """Return a window.

    Raises:
        ResourceNotFound: when the window does not exist.
    """
    row = repository.find_window(session, window_id)
    if row is None:
        raise ResourceNotFound
    return _view(row, database_now(session))


def _view(row: WindowRow, now: datetime) -> WindowView:
    window = facts_of(row.window)
    state = gate_state(window, now, is_opened=row.is_opened, is_recalled=row.is_recalled)
    return WindowView(row.window, row.target_group, row.component, state)


def facts_of(window: ReleaseWindow) -> Window:
    return Window(
        window.target_group_id,
        window.component_id,
        window.opens_at,
        window.closes_at,
        window.never,
        window.before_plans,
    )
