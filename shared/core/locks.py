"""Locks by name until the end of a transaction, for work that one transaction does at a time."""

from sqlalchemy import String, text
from sqlalchemy.orm import Mapped, Session, mapped_column

from shared.core.database import Base

_LOCK = text(
    "insert into locks (name) values (:name)"
    " on conflict (name) do update set name = excluded.name where false"
)
"""It locks the row without a new version of it."""


class Lock(Base):
    """A name that transactions lock.

    A row, and no advisory lock: any login of the database can take an advisory lock and keep it.
    """

    __tablename__ = "locks"

    name: Mapped[str] = mapped_column(String(256), primary_key=True)


def lock_until_commit(session: Session, name: str) -> None:
    """Lock the name; wait for another transaction that has locked it."""
    session.execute(_LOCK, {"name": name})
