"""The query parameters of a page of a list."""

import json
from typing import Annotated

from fastapi import Depends, Query, Request
from pydantic import BeforeValidator, Field
from starlette.datastructures import URL

from services.api.dependencies import ResourcesDep
from services.api.http.context import context_of
from services.api.http.cursors import Cursors, InvalidCursorError
from services.api.http.links import path_of, public_url_of
from services.api.http.pages import PageRequest
from services.api.http.problem_types import Problem, schema_violation
from shared.core.paging import PageSelection

DEFAULT_PAGE_SIZE = 50
MAX_PAGE_SIZE = 200
MAX_PAGE = 1_000_000
MAX_CURSOR_LENGTH = 4_000

FORMAT = 1
"""Another number after a change of the columns of an order refuses cursors from before it."""

PAGE = (
    "Number of the page, from 1, for jumps. While data change, an item can be missed or repeated "
    "between two pages by number; follow `next` to read a whole list."
)
AFTER = (
    "Continues a list after the last item of a page. Take it from `next` and do not build it: it "
    "is valid for the same list, filters and caller."
)


def _require_digits(value: object) -> object:
    if isinstance(value, str) and not (value.isascii() and value.isdecimal()):
        raise ValueError("Must be a whole number.")
    return value


PageNumber = Annotated[int, Field(ge=1, le=MAX_PAGE), BeforeValidator(_require_digits)]
PageSize = Annotated[int, Field(ge=1, le=MAX_PAGE_SIZE), BeforeValidator(_require_digits)]
"""Numbers written with digits alone; Python would also accept signs, spaces and underscores."""


async def page_request(
    request: Request,
    resources: ResourcesDep,
    page: Annotated[PageNumber, Query(description=PAGE)] = 1,
    page_size: Annotated[
        PageSize, Query(alias="pageSize", description="Maximum number of items on a page.")
    ] = DEFAULT_PAGE_SIZE,
    after: Annotated[
        str | None,
        Query(
            min_length=1,
            max_length=MAX_CURSOR_LENGTH,
            description=AFTER,
            json_schema_extra={"pattern": "^[A-Za-z0-9_-]+$"},
        ),
    ] = None,
) -> PageRequest:
    cursors, of_list = resources.cursors, _list_of(request)
    selection = PageSelection(page_size, (page - 1) * page_size)
    if after is not None:
        if "page" in request.query_params:
            raise _refused("page", "Give `page` or `after`, not both.")
        selection = PageSelection(page_size, after=_decrypt(cursors, after, of_list))
    url = URL(public_url_of(request, resources.public_url))
    return PageRequest(selection, url, cursors, of_list)


PageDep = Annotated[PageRequest, Depends(page_request)]


def _list_of(request: Request) -> bytes:
    """Return the path, the filters and the caller of a list, to which its cursors are bound."""
    caller = context_of(request).require_access().caller
    filters = [
        pair
        for pair in sorted(request.query_params.multi_items())
        if pair[0] not in {"page", "pageSize", "after"}
    ]
    about = [FORMAT, path_of(request.scope), filters, caller.client, caller.school_id]
    return json.dumps(about).encode()


def _decrypt(cursors: Cursors, after: str, of_list: bytes) -> tuple[object, ...]:
    try:
        return cursors.decrypt(after, of_list)
    except InvalidCursorError:
        raise _refused(
            "after",
            "Is not from the `next` of this list with these filters for this caller; read the list "
            "from its first page.",
        ) from None


def _refused(name: str, detail: str) -> Problem:
    return Problem(
        "badRequest",
        "The request does not conform to the OpenAPI document.",
        issues=[schema_violation("query", name, detail)],
    )
