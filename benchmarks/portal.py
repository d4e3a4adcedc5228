"""The portal on release morning: people sign on, list the documents of their school, and download.

One client signs all people on, over persistent connections from one address. A request over a
limit is sent again after the time that its response names; its latency counts from the moment at
which it was due.
"""

import asyncio
import json
import time
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeVar
from urllib.parse import urlsplit

import httpx

from benchmarks.measuring import ADMINISTRATION
from benchmarks.traffic import Connection, Download, Response, TokenClient, form, header, require
from shared.documents.kinds import DocumentKind
from shared.oauth.assertions import ASSERTION_TYPE
from shared.oauth.token_exchange import ACCESS_TOKEN, GRANT_TYPE
from tests.api.oauth_clients import OAuthClient

TOKEN_PATH = "/oauth2/token"  # noqa: S105  # a path
READING_SECONDS = 1.0
"""The time after which a person does the next thing: sign on, list, download."""
PAGE_SIZE = 200

Received = TypeVar("Received", Response, Download)
Send = Callable[[bytes], Awaitable[Received]]


class RequestFailedError(Exception):
    """A request whose response is an error, or differs from what it should be."""


@dataclass(slots=True)
class Served:
    """The figures of all requests: seconds from the due moment by kind, and what went wrong."""

    seconds: defaultdict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    errors: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    schools: int = 0
    size: int = 0


@dataclass(slots=True)
class Portal:
    """A portal in front of API processes; `subject_tokens` has a person's token per school."""

    client: OAuthClient
    ports: tuple[int, ...]
    subject_tokens: dict[str, str]
    served: Served = field(default_factory=Served)
    _idle: defaultdict[int, list[Connection]] = field(default_factory=lambda: defaultdict(list))
    _opened: int = 0

    @property
    def schools(self) -> Sequence[str]:
        return [*self.subject_tokens]

    async def serve(self, school_id: str, due: float) -> None:
        """Serve the person of a school who arrives at `due`; count what goes wrong."""
        try:
            connection, port = await self._connection()
            await self._serve(connection, school_id, due)
        except (RequestFailedError, OSError, EOFError) as error:
            self.served.errors[f"{type(error).__name__}: {error}"] += 1
        else:
            self.served.schools += 1
            self._idle[port].append(connection)

    async def questions(
        self, school_id: str, document: str
    ) -> Sequence[Callable[[], Awaitable[bool]]]:
        """Sign on; return functions that look whether the list or a document has content."""
        connection = await Connection.to(self.ports[int(school_id) % len(self.ports)])
        token = await self._sign_on(school_id, connection, time.time())
        await token.learn_nonce(connection)

        def question(path: str) -> Callable[[], Awaitable[bool]]:
            async def look() -> bool:
                return has_content(await connection.send(token.request(path)))

            return look

        return question(list_path(school_id)), question(f"/v1/documents/{document}/content")

    async def _sign_on(self, school_id: str, connection: Connection, due: float) -> TokenClient:
        """Exchange the person's token for one of the service."""

        def signed() -> bytes:
            proof = self.client.proofs.proof("POST", self.client.url + TOKEN_PATH)
            fields = {
                "grant_type": GRANT_TYPE,
                "subject_token": self.subject_tokens[school_id],
                "subject_token_type": ACCESS_TOKEN,
                "client_assertion_type": ASSERTION_TYPE,
                "client_assertion": self.client.assertion(),
            }
            return form(TOKEN_PATH, f"DPoP: {proof}\r\n", fields)

        response = await self._send(connection.send, signed, "sign_on", due)
        token = json.loads(response.body)["access_token"]
        return TokenClient(token, self.client.proofs, self.client.url)

    async def _serve(self, connection: Connection, school_id: str, due: float) -> None:
        token = await self._sign_on(school_id, connection, due)
        due += READING_SECONDS
        documents = await self._list(connection, token, school_id, due)
        due += READING_SECONDS
        await sleep_until(due)
        for content in contents_to_download(documents):
            await self._download(connection, token, content)
        self.served.seconds["downloads"].append(time.time() - due)

    async def _list(
        self, connection: Connection, token: TokenClient, school_id: str, due: float
    ) -> list[dict[str, Any]]:
        """Return all documents of the school; the pages after the first are due at once."""
        path: str | None = list_path(school_id)
        documents: list[dict[str, Any]] = []
        while path is not None:
            await sleep_until(due)
            page = await self._send(connection.send, partial(token.request, path), "list", due)
            content = json.loads(page.body)
            documents += content["items"]
            path = path_in(content["next"]) if "next" in content else None
            due = time.time()
        if not documents:
            raise RequestFailedError("no documents after the moment of opening")
        return documents

    async def _download(
        self, connection: Connection, token: TokenClient, content: dict[str, Any]
    ) -> None:
        path = path_in(content["href"])
        received = await self._send(
            connection.download, partial(token.request, path), "download", time.time()
        )
        if received.sha256 != content["sha256"]:
            raise RequestFailedError("the bytes of a document are not those of the list")
        self.served.size += received.size

    async def _send(
        self, send: Send[Received], signed: Callable[[], bytes], kind: str, due: float
    ) -> Received:
        """Send a request until it is not over a limit, and has the nonce of the server.

        `signed` returns it with a new proof: each proof is accepted once.
        """
        while True:
            nonce = self.client.proofs.nonce
            response = await send(signed())
            self.client.proofs.nonce = header(response.head, "dpop-nonce") or nonce
            if response.status == httpx.codes.TOO_MANY_REQUESTS:
                self.served.refused[kind] += 1
                await asyncio.sleep(seconds_to_wait(response.head))
            elif response.status == httpx.codes.OK:
                self.served.seconds[kind].append(time.time() - due)
                return response
            elif b"use_dpop_nonce" not in response.head + response.body:
                raise RequestFailedError(f"{kind}: status {response.status}, {reason_in(response)}")

    async def _connection(self) -> tuple[Connection, int]:
        """Return an idle connection to the next API process, or a new one."""
        port = self.ports[self._opened % len(self.ports)]
        self._opened += 1
        while idle := self._idle[port]:
            if not (connection := idle.pop()).is_closed:
                return connection, port
        return await Connection.to(port), port


def contents_to_download(documents: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Iterate over the overview, the bundle of the school, and the print file of each class."""
    for document in documents:
        is_of_class = "classGroup" in document
        match document["kind"], is_of_class:
            case (
                (DocumentKind.OVERVIEW, _)
                | (DocumentKind.FICHE_BUNDLE, False)
                | (DocumentKind.FICHE_PRINT, True)
            ):
                yield document["content"]


def reason_in(response: Response | Download) -> str:
    """Return the detail of a problem, or the description of an OAuth error."""
    fields = json.loads(response.body)
    return str(fields.get("detail") or fields.get("error_description"))


def seconds_to_wait(head: bytes) -> int:
    """Return the time after which a refused request is sent again.

    Raises:
        RequestFailedError: the response does not name it.
    """
    seconds = header(head, "retry-after")
    if seconds is None:
        raise RequestFailedError("status 429 without Retry-After")
    return int(seconds)


def has_content(response: Response) -> bool:
    """Return True for a list with documents and for bytes; False for what an unreleased one gets.

    Raises:
        SystemExit: the response is neither.
    """
    if response.status == httpx.codes.NOT_FOUND:
        return False
    body = require(response).body
    return not body.startswith(b"{") or bool(json.loads(body)["items"])


def list_path(school_id: str) -> str:
    query = f"administrationId={ADMINISTRATION}&pageSize={PAGE_SIZE}"
    return f"/v1/schools/{school_id}/documents?{query}"


def path_in(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.path}?{parts.query}" if parts.query else parts.path


async def sleep_until(moment: float) -> None:
    await asyncio.sleep(max(0.0, moment - time.time()))
