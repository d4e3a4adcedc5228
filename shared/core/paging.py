"""A page of a list, and how long the whole list is."""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, TypeVar, TypeVarTuple

from sqlalchemy import Row, Select, bindparam, func
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


def counted_page(
    session: Session,
    query: Select[*tuple[Any, ...]],
    offset: int,
    limit: int,
    parameters: Mapping[str, Any],
) -> tuple[int, Sequence[Row[*tuple[Any, ...]]]]:
    """Return the number of rows of the query, and a page of them, in one statement.

    The number is also the last column of each row. A query that is built once is compiled once;
    `parameters` are the values of its own parameters. The connection executes it, not the session,
    since the ORM's loader takes time that rows without entities do not need.
    """
    values = {**parameters, "page_offset": offset, "page_limit": limit}
    rows = session.connection().execute(_page_of(query), values).all()
    if rows:
        return rows[0].total, rows
    return count_of(session, query, parameters) if offset else 0, []


@lru_cache(maxsize=256)
def _page_of(query: Select[*tuple[Any, ...]]) -> Select[*tuple[Any, ...]]:
    counted = query.add_columns(func.count().over().label("total"))
    return counted.offset(bindparam("page_offset")).limit(bindparam("page_limit"))
