"""Time: the database's clock decides, instants are stored in UTC, people read Europe/Brussels."""

from datetime import date, datetime
from zoneinfo import ZoneInfo

from sqlalchemy import func, select
from sqlalchemy.orm import Session

BRUSSELS = ZoneInfo("Europe/Brussels")


def database_now(session: Session) -> datetime:
    """The instant at which the session's transaction began, with offset."""
    return session.execute(select(func.now())).scalar_one()


def database_today(session: Session) -> date:
    """The day it is in Brussels, by the same clock."""
    return in_brussels(database_now(session)).date()


def in_brussels(instant: datetime) -> datetime:
    """The same instant with the offset that people in Flanders see on their clock."""
    if instant.tzinfo is None:
        raise ValueError("an instant needs an offset; this one has none")
    return instant.astimezone(BRUSSELS)
