"""People who use the portal on release morning: they sign on, look, and download from its pages.

Each has a browser without a cache. The development provider signs them on. A page that asks to
wait is requested again after the time that it names.
"""

import asyncio
import re
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from http.cookies import SimpleCookie
from typing import Self
from urllib.parse import parse_qsl, urlsplit

import httpx

from benchmarks.portal import (
    READING_SECONDS,
    Received,
    RequestFailedError,
    Served,
    path_in,
    seconds_to_wait,
    sleep_until,
)
from benchmarks.traffic import Connection, Download, Response, form, header, header_values, plain
from embedded.instance import Instance
from embedded.portal_programs import PORTAL_URL, PROVIDER_URL

PERSON = "head"
BEGIN, PRINTS, OVERVIEW = "/aanmelden/begin", "/fiches", "/overzicht"
ROW = re.compile(rb"<tr(.*?)</tr>", re.DOTALL)
DOCUMENT = re.compile(rb'href="(/documenten/[0-9a-f-]{36})"')


@dataclass
class Browser:
    """The cookies of a person, with a connection to the portal."""

    port: int
    connection: Connection
    cookies: dict[str, str] = field(default_factory=dict)

    @classmethod
    async def to(cls, port: int) -> Self:
        return cls(port, await Connection.to(port))

    async def get(self, path: str) -> Response:
        """Request a page, on a new connection if the portal has closed the idle one."""
        return await (await self._connection()).send(self._request(path))

    async def download(self, path: str) -> Download:
        return await (await self._connection()).download(self._request(path))

    async def _connection(self) -> Connection:
        if self.connection.is_closed:
            self.connection = await Connection.to(self.port)
        return self.connection

    def _request(self, path: str) -> bytes:
        cookies = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        return plain(path, f"Cookie: {cookies}\r\n" if cookies else "")

    def keep_cookies(self, head: bytes) -> None:
        for line in header_values(head, "set-cookie"):
            self.cookies |= {name: one.value for name, one in SimpleCookie(line).items()}


@dataclass
class PortalVisitors:
    """The people of all schools, who reach the API through one portal."""

    schools: Sequence[str]
    portal_port: int
    provider_port: int
    served: Served = field(default_factory=Served)

    @classmethod
    def of(cls, instance: Instance, schools: Sequence[str]) -> Self:
        portal, provider = (
            urlsplit(instance.environment[name]).port or 0 for name in (PORTAL_URL, PROVIDER_URL)
        )
        return cls(schools, portal, provider)

    async def serve(self, school_id: str, due: float) -> None:
        """Serve the person of a school who arrives at `due`; count what goes wrong."""
        try:
            browser = await self._sign_on(school_id, due)
            await self._visit(browser, due + READING_SECONDS)
        except (RequestFailedError, OSError, EOFError) as error:
            self.served.errors[f"{type(error).__name__}: {error}"] += 1
        else:
            browser.connection.close()
            self.served.schools += 1

    async def questions(
        self, school_id: str, document: str
    ) -> Sequence[Callable[[], Awaitable[bool]]]:
        """Sign on; return functions that look whether a page or a document has content."""
        browser = await self._sign_on(school_id, time.time())

        async def has_list() -> bool:
            page = _require(await browser.get(PRINTS), httpx.codes.OK, PRINTS)
            return bool(DOCUMENT.search(page.body))

        async def has_document() -> bool:
            content = await browser.get(f"/documenten/{document}")
            return bool(content.status == httpx.codes.OK)

        return has_list, has_document

    async def _sign_on(self, school_id: str, due: float) -> Browser:
        """Sign on as a head of the school, and see the first page."""
        browser = await Browser.to(self.portal_port)
        begun = await self._send(browser, browser.get, BEGIN, httpx.codes.SEE_OTHER)
        wanted = dict(parse_qsl(urlsplit(_location(begun)).query))
        provider = await Connection.to(self.provider_port)
        chosen = {**wanted, "person": PERSON, "school": school_id, "class_group": ""}
        left = await provider.send(form("/authorize", "", chosen))
        provider.close()
        back = path_in(_location(_require(left, httpx.codes.SEE_OTHER, "/authorize")))
        await self._send(browser, browser.get, back)
        await self._send(browser, browser.get, "/")
        self.served.seconds["sign_on"].append(time.time() - due)
        return browser

    async def _visit(self, browser: Browser, due: float) -> None:
        """Look at the lists of documents, and download what a head needs."""
        await sleep_until(due)
        pages = []
        for path in (OVERVIEW, PRINTS):
            pages.append(await self._send(browser, browser.get, path))
            self.served.seconds["list"].append(time.time() - due)
            due = time.time()
        paths = [*documents_to_download(*(page.body for page in pages))]
        if not paths:
            raise RequestFailedError("no documents after the moment of opening")
        due = time.time() + READING_SECONDS
        await sleep_until(due)
        for path in paths:
            began = time.time()
            received = await self._send(browser, browser.download, path)
            self.served.seconds["download"].append(time.time() - began)
            if f'"{received.sha256}"' != header(received.head, "etag"):
                raise RequestFailedError("the bytes of a document are not those of its tag")
            self.served.size += received.size
        self.served.seconds["downloads"].append(time.time() - due)

    async def _send(
        self,
        browser: Browser,
        send: Callable[[str], Awaitable[Received]],
        path: str,
        status: int = httpx.codes.OK,
    ) -> Received:
        """Request a page until it does not ask to wait."""
        while True:
            response = await send(path)
            if response.status != httpx.codes.TOO_MANY_REQUESTS:
                browser.keep_cookies(response.head)
                return _require(response, status, path)
            self.served.refused[_page_in(path)] += 1
            await asyncio.sleep(seconds_to_wait(response.head))


def documents_to_download(overview: bytes, prints: bytes) -> Iterator[str]:
    """Iterate over the overview, the print file of each class, and the bundle of the school."""
    yield from (path.decode() for path in DOCUMENT.findall(overview)[:1])
    for row in ROW.findall(prints):
        files = DOCUMENT.findall(row)
        if files:
            yield files[-1 if row.startswith(b' class="total"') else 0].decode()


def _location(response: Response) -> str:
    return header(response.head, "location") or ""


def _require(response: Received, status: int, path: str) -> Received:
    if response.status != status:
        raise RequestFailedError(f"{_page_in(path)}: status {response.status}")
    return response


def _page_in(path: str) -> str:
    return f"/{path.split('/')[1]}"
