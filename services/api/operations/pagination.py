"""Pages of lists: the query parameters of a page, and the members of its response."""

from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Depends, Query, Request
from starlette.datastructures import URL

from services.api.schemas.model import NonNegativeInt

DEFAULT_PAGE_SIZE = 50
MAX_PAGE_SIZE = 200
MAX_PAGE = 1_000_000


@dataclass(frozen=True, slots=True)
class PageRequest:
    """A page of a list: `number` counts from 1, `url` is that of the request."""

    number: int
    size: int
    url: URL

    @property
    def offset(self) -> int:
        return (self.number - 1) * self.size

    def metadata(self, total: int) -> dict[str, Any]:
        """Return the members of the response next to its items."""
        is_last = self.number * self.size >= total
        return {
            "self_link": str(self.url),
            "page": self.number,
            "page_size": self.size,
            "total": total,
            "next": None if is_last else str(self._url_of(self.number + 1)),
        }

    def _url_of(self, number: int) -> URL:
        return self.url.include_query_params(page=number, pageSize=self.size)


async def page_request(
    request: Request,
    page: Annotated[
        NonNegativeInt, Query(ge=1, le=MAX_PAGE, description="Number of the page, from 1.")
    ] = 1,
    page_size: Annotated[
        NonNegativeInt,
        Query(
            alias="pageSize",
            ge=1,
            le=MAX_PAGE_SIZE,
            description="Maximum number of items on a page.",
        ),
    ] = DEFAULT_PAGE_SIZE,
) -> PageRequest:
    return PageRequest(page, page_size, request.url)


PageDep = Annotated[PageRequest, Depends(page_request)]
