"""A requested page of a list, and the metadata of the page in the response."""

from dataclasses import dataclass
from typing import Any

from starlette.datastructures import URL

from services.api.http.cursors import Cursors
from shared.core.paging import Page, PageSelection


@dataclass(frozen=True, slots=True)
class PageRequest:
    """A requested page: `url` is its public URL, `cursors` encrypts the cursors `of_list`."""

    selection: PageSelection
    url: URL
    cursors: Cursors
    of_list: bytes

    def metadata(self, page: Page[Any]) -> dict[str, Any]:
        """Return the fields of a page in a response without its items."""
        selection = self.selection
        is_numbered = selection.after is None
        return {
            "self_link": str(self.url),
            "page": selection.offset // selection.limit + 1 if is_numbered else None,
            "page_size": selection.limit,
            "total": page.total,
            "next": None if page.last_key is None else str(self._after(page.last_key)),
        }

    def _after(self, key: tuple[Any, ...]) -> URL:
        cursor = self.cursors.encrypt(key, self.of_list)
        url = self.url.remove_query_params("page")
        return url.include_query_params(pageSize=self.selection.limit, after=cursor)
