"""The query parameters of a page of a list."""

from typing import Annotated

from fastapi import Depends, Query, Request
from pydantic import BeforeValidator, Field
from starlette.datastructures import URL

from services.api.dependencies import ResourcesDep
from services.api.http.links import PageRequest, public_url_of

DEFAULT_PAGE_SIZE = 50
MAX_PAGE_SIZE = 200
MAX_PAGE = 1_000_000


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
    page: Annotated[PageNumber, Query(description="Number of the page, from 1.")] = 1,
    page_size: Annotated[
        PageSize, Query(alias="pageSize", description="Maximum number of items on a page.")
    ] = DEFAULT_PAGE_SIZE,
) -> PageRequest:
    return PageRequest(page, page_size, URL(public_url_of(request, resources.public_url)))


PageDep = Annotated[PageRequest, Depends(page_request)]
