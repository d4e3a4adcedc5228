"""A page of a list, and how long the whole list is."""

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar, TypeVarTuple

from sqlalchemy import Row, Select, func
from sqlalchemy.orm import Session

Columns = TypeVarTuple("Columns")
Scalar = TypeVar("Scalar")


def page_of_rows(
    session: Session, query: Select[*Columns], offset: int, limit: int
) -> tuple[int, Sequence[Row[*Columns]]]:
    """How many rows the query finds, and a page of them in its order."""
    return count_of(session, query), session.execute(query.offset(offset).limit(limit)).all()


def page_of_scalars(
    session: Session, query: Select[Scalar], offset: int, limit: int
) -> tuple[int, Sequence[Scalar]]:
    """The same for a query of one column or entity."""
    return count_of(session, query), session.scalars(query.offset(offset).limit(limit)).all()


def count_of(
    session: Session, query: Select[*tuple[Any, ...]], parameters: Mapping[str, Any] | None = None
) -> int:
    """How many rows the query finds."""
    unordered = query.order_by(None)
    counted = unordered.with_only_columns(func.count(), maintain_column_froms=True)
    return session.scalar(counted, parameters) or 0
