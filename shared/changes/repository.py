"""SQL of change events: functions of the database write them, and remove old ones."""

from uuid import UUID

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session


def record_openings(session: Session) -> int:
    """Add an event for each opening whose data can be read now, unless it has one; count them.

    Several transactions may do this at a time: an opening gets one event per epoch.
    """
    return int(session.execute(text("select record_openings()")).scalar_one())


def record_recall(session: Session, recall_id: UUID) -> None:
    """Add the event of a recall that this transaction has added."""
    session.flush()
    session.execute(select(func.record_recall(recall_id)))


def remove_events(session: Session) -> int:
    """Remove events of more than 13 months ago, except the last; return their number."""
    return int(session.execute(text("select remove_expired_change_events()")).scalar_one())
