"""Statements that every read sends: built once, and given to the connection as they are.

What SQLAlchemy does around a statement, each time it is sent, costs about as much as the database's
answer to a short one. So those that nearly every request sends go past it, and with that past its
types and its cursor events. A job is held back by such an event once it has lost its lease, so they
are refused on the connection of a job.
"""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Self

import psycopg
from sqlalchemy import ClauseElement, Connection, Dialect, Select, bindparam, func
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from shared.core.direct import Rows
from shared.core.paging import count_of

_LISTENED_TO = "listened_to"
_DIALECT: Dialect = PGDialect_psycopg(paramstyle="numeric_dollar")  # type: ignore[no-untyped-call]


@dataclass(frozen=True, slots=True)
class Statement:
    """SQL with `$1` for the first of `names` and so on, and the values that stand in it already.

    Rows come out as psycopg has them: no type of SQLAlchemy converts any.
    """

    sql: bytes
    names: tuple[str, ...]
    values: Mapping[str, Any]

    @classmethod
    def of(cls, built: ClauseElement) -> Self:
        """Raises ValueError for one whose text is not known until its values are, as with lists."""
        compiled: Any = built.compile(dialect=_DIALECT)
        if compiled.post_compile_params:
            raise ValueError("a list of values has no fixed text: send one array, with any()")
        names = compiled.bind_names.items()
        given = {name: bind.value for bind, name in names if not bind.required}
        return cls(compiled.string.encode(), tuple(compiled.positiontup), given)

    def rows(self, session: Session, values: Mapping[str, Any]) -> Rows:
        """What the database answers, in the session's transaction.

        Raises:
            sqlalchemy.exc.DBAPIError: or one of its kinds, as SQLAlchemy would have.
            RuntimeError: on a connection of a job.
        """
        rows: Rows = self._send(session, "rows", values)
        return rows

    def add_to_commit(self, session: Session, values: Mapping[str, Any]) -> None:
        """Has it sent in one message with the commit, which fails if it does. Raises the same.

        Within a savepoint it is sent at once, for what comes in one may be undone by itself.
        """
        is_inside = session.connection().in_nested_transaction()
        self._send(session, "rows" if is_inside else "add_to_commit", values)

    def _send(self, session: Session, how: str, values: Mapping[str, Any]) -> Any:
        connection = session.connection()
        if _LISTENED_TO in connection.get_execution_options():
            raise RuntimeError("a job sends its statements through SQLAlchemy")
        driver: Any = connection.connection.driver_connection
        try:
            return getattr(driver, how)(self.sql, self._given(values))
        except BaseException as error:
            if driver.closed:
                _give_up(connection)
            if not isinstance(error, psycopg.Error):
                raise
            raise DBAPIError.instance(
                self.sql.decode(),
                None,
                error,
                psycopg.Error,
                hide_parameters=True,
                connection_invalidated=connection.invalidated,
                dialect=_DIALECT,
            ) from error

    def _given(self, values: Mapping[str, Any]) -> list[Any]:
        """One for each of `names`."""
        all_of_them = {**self.values, **values}
        try:
            return [all_of_them[name] for name in self.names]
        except KeyError as missing:
            raise psycopg.ProgrammingError(f"there is no value for {missing}") from None


def refuse_statements(connection: Connection) -> None:
    """For one on whose cursor events something depends, until it goes back to its pool."""
    connection.execution_options(**{_LISTENED_TO: True})


def _give_up(connection: Connection) -> None:
    """Has SQLAlchemy find out for itself: it gives up the pool's other connections too."""
    with suppress(DBAPIError):
        connection.exec_driver_sql("select")


def counted_page(
    session: Session,
    query: Select[*tuple[Any, ...]],
    offset: int,
    limit: int,
    parameters: Mapping[str, Any],
) -> tuple[int, Rows]:
    """How many rows the query finds, and those of a page of it, each with the number at its end.

    A query that was built once is worked out once; one with other values needs others as its
    `parameters`.
    """
    place = {"page_offset": offset, "page_limit": limit}
    rows = _page_of(query).rows(session, {**parameters, **place})
    if rows:
        return rows[0][-1], rows
    return count_of(session, query, parameters) if offset else 0, []


@lru_cache(maxsize=256)
def _page_of(query: Select[*tuple[Any, ...]]) -> Statement:
    counted = query.add_columns(func.count().over())
    return Statement.of(counted.offset(bindparam("page_offset")).limit(bindparam("page_limit")))
