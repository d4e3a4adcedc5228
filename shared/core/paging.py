"""Pages of a list, by number or from the last row of the page before, in a total order."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Generic, TypeVar, TypeVarTuple

from sqlalchemy import ColumnElement, Row, Select, bindparam, func, select, tuple_
from sqlalchemy.orm import InstrumentedAttribute, Session

Columns = TypeVarTuple("Columns")
Item = TypeVar("Item")
Other = TypeVar("Other")

RowKey = tuple[Any, ...]
"""The values of a row in the columns of its order: texts, numbers, dates, times and UUIDs."""


@dataclass(frozen=True, slots=True)
class PageSelection:
    """At most `limit` rows: after the row with the key `after`, or after the first `offset`."""

    limit: int
    offset: int = 0
    after: RowKey | None = None


@dataclass(frozen=True, slots=True)
class Page(Generic[Item]):
    """A page of a list; `total` counts the rows of all pages, None if they were not counted.

    `last_key` is the key of its last row, None on the last page.
    """

    rows: Sequence[Item]
    total: int | None
    last_key: RowKey | None = None

    def map(self, convert: Callable[[Item], Other]) -> "Page[Other]":
        """Return the page with each row converted."""
        return Page([convert(row) for row in self.rows], self.total, self.last_key)


class ListOrder:
    """A total order: no column is null, and no two rows have the same values in all of them.

    Either all columns ascend or all descend, so that one comparison of rows continues a list.
    `terms` are those of ORDER BY. `follows` is the condition that a row comes after a key, whose
    values are `parameters`. Both are built once per order.
    """

    def __init__(
        self, *columns: ColumnElement[Any] | InstrumentedAttribute[Any], descending: bool = False
    ) -> None:
        self.columns = [
            column.expression if isinstance(column, InstrumentedAttribute) else column
            for column in columns
        ]
        self._descending = descending
        self.terms = [column.desc() if descending else column for column in self.columns]
        names = (f"after_{number}" for number, _ in enumerate(self.columns))
        key = tuple_(*map(bindparam, names), types=[column.type for column in self.columns])
        row = tuple_(*self.columns)
        self.follows = row < key if descending else row > key

    def of(self, columns: Sequence[ColumnElement[Any]]) -> "ListOrder":
        """Return the same order of a subquery with these columns."""
        return ListOrder(*columns, descending=self._descending)

    @staticmethod
    def parameters(key: RowKey) -> dict[str, Any]:
        return {f"after_{number}": value for number, value in enumerate(key)}


def page_of_rows(
    session: Session,
    query: Select[*Columns],
    order: ListOrder,
    selection: PageSelection,
    *,
    is_counted: bool = True,
) -> Page[Sequence[Any]]:
    """Return a page of the query in an order; each row has the columns of the query.

    One row more than the page is read, to learn whether another page follows. The rows of a list
    that is one page need not be counted again.
    """
    keyed = query.add_columns(*order.columns).order_by(*order.terms)
    if selection.after is not None:
        keyed = keyed.where(order.follows)
    keyed = keyed.offset(selection.offset).limit(selection.limit + 1)
    found = session.execute(keyed, order.parameters(selection.after or ())).all()
    total = None
    if is_counted:
        is_first = selection.after is None and selection.offset == 0
        is_all = is_first and len(found) <= selection.limit
        total = len(found) if is_all else count_of(session, query)
    return _page(found, order, selection, total)


def page_of_scalars(
    session: Session,
    query: Select[Item],
    order: ListOrder,
    selection: PageSelection,
    *,
    is_counted: bool = True,
) -> Page[Item]:
    """Return a page of a query of one column or entity, in an order."""
    page = page_of_rows(session, query, order, selection, is_counted=is_counted)
    return page.map(lambda row: row[0])


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
    order: ListOrder,
    selection: PageSelection,
    parameters: Mapping[str, Any],
) -> Page[Sequence[Any]]:
    """Return a page of the query in an order and its total, in one statement.

    `parameters` are the values of the query's own parameters, so that a query that is built once is
    also compiled once; `order` is then built once too. The connection executes it and not the
    session: the loader of the ORM is slow and rows without entities do not need it.
    """
    values = {
        **parameters,
        **order.parameters(selection.after or ()),
        "page_offset": selection.offset,
        "page_limit": selection.limit + 1,
    }
    statement = _counted(query, order, is_continued=selection.after is not None)
    found = session.connection().execute(statement, values).all()
    if found:
        return _page(found, order, selection, found[0].total)
    is_first = selection.after is None and selection.offset == 0
    return Page([], 0 if is_first else count_of(session, query, parameters))


@lru_cache(maxsize=256)
def _counted(
    query: Select[*tuple[Any, ...]], order: ListOrder, *, is_continued: bool
) -> Select[*tuple[Any, ...]]:
    """Add the number of all rows, which is counted before the rows up to a key are left out."""
    names = [f"key_{number}" for number, _ in enumerate(order.columns)]
    keys = [column.label(name) for column, name in zip(order.columns, names, strict=True)]
    listed = query.add_columns(func.count().over().label("total"), *keys).subquery("listed")
    order = order.of([listed.c[name] for name in names])
    statement = select(*listed.c).order_by(*order.terms)
    if is_continued:
        statement = statement.where(order.follows)
    return statement.offset(bindparam("page_offset")).limit(bindparam("page_limit"))


def _page(
    found: Sequence[Row[*tuple[Any, ...]]],
    order: ListOrder,
    selection: PageSelection,
    total: int | None,
) -> Page[Sequence[Any]]:
    """Return a page of rows that end in their key, of which one row more was read."""
    width = len(order.columns)
    rows = found[: selection.limit]
    last_key = tuple(rows[-1][-width:]) if len(found) > selection.limit else None
    return Page([row[:-width] for row in rows], total, last_key)
