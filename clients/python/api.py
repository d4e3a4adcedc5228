"""Requests to the API: responses as JSON, lists over all their pages, downloads."""

from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

import httpx

from clients.python.errors import ApiRefusal, json_of


@dataclass(frozen=True, slots=True)
class Api:
    """Requests of one caller to the API at `url`; `headers` are sent with each of them.

    A link in a response is followed within this address only.
    """

    http: httpx.Client
    url: str
    auth: httpx.Auth
    headers: Mapping[str, str] = field(default_factory=dict)

    def send(
        self, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None
    ) -> httpx.Response:
        """Send one request.

        Raises:
            ApiRefusal: the response is neither a success nor a redirect.
        """
        sent = {**self.headers, **(headers or {})}
        response = self.http.request(method, path, json=body, headers=sent, auth=self.auth)
        if not (response.is_success or response.is_redirect):
            raise ApiRefusal(response)
        return response

    def request(self, method: str, path: str, body: Any = None) -> dict[str, Any] | None:
        """Send one request and return the JSON object of its response, None without content.

        Raises:
            ApiRefusal: the response is not a success of the API.
        """
        response = self.send(method, path, body)
        found = json_of(response)
        if not response.is_success or (response.content and not found):
            raise ApiRefusal(response)
        return found or None

    def read(self, path: str) -> dict[str, Any]:
        """Return the JSON object at a path.

        Raises:
            ApiRefusal: as `request`.
        """
        return self.request("GET", path) or {}

    def items(self, path: str) -> Iterator[dict[str, Any]]:
        """Iterate over the items of all pages of a list.

        Raises:
            ApiRefusal: as `request`.
        """
        following: str | None = path
        while following is not None:
            page = self.read(following)
            yield from page["items"]
            link = page.get("next")
            following = None if link is None else self.path_of(link)

    def path_of(self, link: str) -> str:
        """Return the path and query of a link to this API; raise ValueError for any other link."""
        if not link.startswith(f"{self.url}/v1/"):
            raise ValueError("a link in a response leads to another address than that of the API")
        return link.removeprefix(self.url)

    def download(self, path: str, headers: Mapping[str, str]) -> httpx.Response:
        """Open a download; its bytes have not been read, and the caller closes it.

        Raises:
            ApiRefusal: there is no such content.
        """
        request = self.http.build_request("GET", path, headers={**self.headers, **headers})
        response = self.http.send(request, auth=self.auth, stream=True)
        if response.is_success or response.status_code == httpx.codes.NOT_MODIFIED:
            return response
        with closing(response):
            response.read()
        raise ApiRefusal(response)
