"""A page of a list, and how long the whole list is."""

from collections.abc import Sequence
from typing import Any, TypeVar, TypeVarTuple

from sqlalchemy import Row, Select, func
from sqlalchemy.orm import Session

Columns = TypeVarTuple("Columns")
Scalar = TypeVar("Scalar")


def page_of_rows(
    session: Session, query: Select[*Columns], offset: int, limit: int
) -> tuple[int, Sequence[Row[*Columns]]]:
    """How many rows the query finds, and a page of them in its order."""
    return _count(session, query), session.execute(query.offset(offset).limit(limit)).all()


def page_of_scalars(
    session: Session, query: Select[Scalar], offset: int, limit: int
) -> tuple[int, Sequence[Scalar]]:
    """The same for a query of one column or entity."""
    return _count(session, query), session.scalars(query.offset(offset).limit(limit)).all()


def _count(session: Session, query: Select[*tuple[Any, ...]]) -> int:
    unordered = query.order_by(None)
    counted = unordered.with_only_columns(func.count(), maintain_column_froms=True)
    return session.scalar(counted) or 0
