"""Locks by name until the end of a transaction, for work that one transaction does at a time."""

from sqlalchemy import String, text
from sqlalchemy.orm import Mapped, Session, mapped_column

from shared.core.database import Base

_LOCK = text(
    "insert into locks (name) select unnest(cast(:names as varchar[]))"
    " on conflict (name) do update set name = excluded.name where false"
)
"""It locks rows, one after another, without a new version of them."""


class Lock(Base):
    """A name that transactions lock.

    A row, and no advisory lock: any login of the database can take an advisory lock and keep it.
    """

    __tablename__ = "locks"

    name: Mapped[str] = mapped_column(String(256), primary_key=True)


def lock_until_commit(session: Session, *names: str) -> None:
    """Lock the names, in their order; wait for another transaction that has locked one."""
    session.execute(_LOCK, {"names": sorted(names)})
