"""The release plan of an administration: what opens when, as operators write it."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from uuid import UUID

from shared.access.products import Product


@dataclass(frozen=True, slots=True)
class WindowTimes:
    """The announced target and the effective moments; `never` allows no effective moment."""

    planned_from_at: datetime | None = None
    opens_at: datetime | None = None
    closes_at: datetime | None = None
    never: bool = False


@dataclass(frozen=True, slots=True)
class PlannedWindow:
    """A window of the plan; target group and component by their code."""

    product: Product
    target_group: str | None = None
    component: str | None = None
    times: WindowTimes = WindowTimes()


@dataclass(frozen=True, slots=True)
class PlannedReopening:
    """The moment at which a recall ends, once it is verified and approved."""

    recall_id: UUID
    opens_at: datetime


@dataclass(frozen=True, slots=True)
class ReleasePlan:
    """All windows of an administration, and the ends of its recalls."""

    windows: Sequence[PlannedWindow] = ()
    reopenings: Sequence[PlannedReopening] = ()

    def version(self) -> str:
        """Return a hash of the plan, which is the same for any order of its windows."""
        windows = sorted(_as_text(window) for window in self.windows)
        reopenings = sorted(f"{one.recall_id} {_utc(one.opens_at)}" for one in self.reopenings)
        return sha256(json.dumps([windows, reopenings]).encode()).hexdigest()


def _as_text(window: PlannedWindow) -> str:
    times = window.times
    moments = map(_utc, (times.planned_from_at, times.opens_at, times.closes_at))
    scope = window.product.value, window.target_group, window.component
    return json.dumps([*scope, *moments, times.never])


def _utc(moment: datetime | None) -> str | None:
    return None if moment is None else moment.astimezone(UTC).isoformat()
