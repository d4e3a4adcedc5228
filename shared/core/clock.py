"""Time: the clock of the database, instants in UTC, days in Europe/Brussels."""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

from sqlalchemy import func, select
from sqlalchemy.orm import Session

BRUSSELS = ZoneInfo("Europe/Brussels")


def database_now(session: Session) -> datetime:
    """Return the start of the session's transaction by the clock of the database, with offset."""
    return session.execute(select(func.now())).scalar_one()


def database_clock(session: Session) -> datetime:
    """Return the present moment by the clock of the database, however long a transaction lasts."""
    moment: datetime = session.execute(select(func.clock_timestamp())).scalar_one()
    return moment


def database_today(session: Session) -> date:
    """Return the current day in Brussels by the clock of the database."""
    return in_brussels(database_now(session)).date()


def in_brussels(instant: datetime) -> datetime:
    """Return the same instant with the offset of Brussels; raise ValueError without an offset."""
    if instant.tzinfo is None:
        raise ValueError("the instant has no offset")
    return instant.astimezone(BRUSSELS)


def from_brussels(local: datetime) -> datetime:
    """Return the instant of a local time in Brussels, without an offset.

    Raises:
        ValueError: the time was skipped or is repeated, as the clock changes; names the remedy.
    """
    first, second = (local.replace(tzinfo=BRUSSELS, fold=fold) for fold in (0, 1))
    if first.utcoffset() == second.utcoffset():
        return first
    if first.astimezone(UTC).astimezone(BRUSSELS).replace(tzinfo=None) != local:
        raise ValueError(
            f"{local.isoformat()} does not exist in Brussels: the clock skips this hour. Choose "
            "another time."
        )
    raise ValueError(
        f"{local.isoformat()} occurs twice in Brussels: write {first.isoformat()} or "
        f"{second.isoformat()}."
    )
