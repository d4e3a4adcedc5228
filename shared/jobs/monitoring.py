"""Figures of jobs for monitoring: queued items, the age of the oldest, and the live workers."""

from collections import Counter
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from sqlalchemy import and_, func, not_, select, text
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.orm import Session

from shared.jobs.models import RunningWorker
from shared.jobs.rules import Lane

SEEN_INTERVAL = timedelta(seconds=5)
"""How often a worker records that it runs."""
LIVE_PERIOD = 3 * SEEN_INTERVAL
"""A worker that was not seen for so long does not count: it was killed, or cannot connect."""

_IS_LIVE = and_(
    RunningWorker.seen_at > func.now() - LIVE_PERIOD,
    RunningWorker.seen_at < func.now() + LIVE_PERIOD,
)
"""A moment further ahead is from before the clock of the database went back."""

_QUEUE = text("""
    select lane, items, extract(epoch from greatest(now() - oldest_due_at, interval '0')) as seconds
    from queued_items
""")

_WAITING = text("select waiting_for, items from waiting_items order by items desc, waiting_for")


@dataclass(frozen=True, slots=True)
class LaneState:
    """The queued items of a lane, and how long the oldest of those that are due has waited."""

    items: int = 0
    oldest_due_seconds: float = 0.0


def lane_states(session: Session) -> dict[Lane, LaneState]:
    """Return the state of every lane."""
    found = {
        Lane(lane): LaneState(items, float(seconds or 0))
        for lane, items, seconds in session.execute(_QUEUE)
    }
    return {lane: found.get(lane, LaneState()) for lane in Lane}


def waiting_items(session: Session) -> dict[str, int]:
    """Return the number of items that wait for a server, by that server and the reason."""
    return {row.waiting_for: row.items for row in session.execute(_WAITING)}


def live_workers(session: Session) -> Counter[str]:
    """Return the number of live workers by version."""
    return Counter(session.scalars(select(RunningWorker.version).where(_IS_LIVE)))


def record_worker(session: Session, worker_id: UUID, version: str) -> int:
    """Record that a worker runs, and remove workers that ended without a word; return 1."""
    seen = {"version": version, "seen_at": func.now()}
    session.execute(
        upsert(RunningWorker)
        .values(id=worker_id, **seen)
        .on_conflict_do_update(index_elements=["id"], set_=seen)
    )
    ended = select(RunningWorker.id).where(not_(_IS_LIVE))
    session.execute(select(func.remove_workers(func.array(ended.scalar_subquery()))))
    return 1


def remove_worker(session: Session, worker_id: UUID) -> None:
    """Record that a worker has stopped."""
    session.execute(select(func.remove_workers([worker_id])))
