"""Offset pagination: a page of a query, with the total number of its rows."""

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
    """Return the number of rows of the query, and a page of them in its order."""
    return count_of(session, query), session.execute(query.offset(offset).limit(limit)).all()


def page_of_scalars(
    session: Session, query: Select[Scalar], offset: int, limit: int
) -> tuple[int, Sequence[Scalar]]:
    """Return the number of rows of a query of one column or entity, and a page of its values."""
    return count_of(session, query), session.scalars(query.offset(offset).limit(limit)).all()


def count_of(
    session: Session, query: Select[*tuple[Any, ...]], parameters: Mapping[str, Any] | None = None
) -> int:
    """Return the number of rows of the query."""
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

    The number is also the last column, `total`, of each row. `parameters` are the values of the
    query's own parameters, so that a query that is built once is also compiled once. The connection
    executes it and not the session: the loader of the ORM is slow and rows without entities do not
    need it.
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
