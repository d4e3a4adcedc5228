"""A page of a list and how long the whole list is, in one round trip."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from sqlalchemy import Select, bindparam, func, select
from sqlalchemy.orm import Session

from shared.core.statements import Rows, Statement


def counted_page(
    session: Session,
    query: Select[*tuple[Any, ...]],
    offset: int,
    limit: int,
    parameters: Mapping[str, Any],
) -> tuple[int, Rows]:
    """How many rows the query finds, and those of a page of it, each with the number at its end.

    A query that was built once is worked out once; one with other values needs others as its
    `parameters`. Not for jobs: see `Statement`.
    """
    place = {"page_offset": offset, "page_limit": limit}
    rows = _page_of(query).rows(session, {**parameters, **place})
    if rows:
        return rows[0][-1], rows
    if offset == 0:
        return 0, []
    counted = select(func.count()).select_from(query.order_by(None).subquery())
    return session.scalar(counted, dict(parameters)) or 0, []


@lru_cache(maxsize=256)
def _page_of(query: Select[*tuple[Any, ...]]) -> Statement:
    counted = query.add_columns(func.count().over())
    return Statement.of(counted.offset(bindparam("page_offset")).limit(bindparam("page_limit")))
