"""Connections to the portal: their limits, their redirects, and downloads whose access ends."""

import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from http import HTTPStatus
from urllib.parse import urlsplit

import pytest
from sqlalchemy import func, select, update

from clients.python.api import Api
from services.portal import forms
from services.portal.app import create_app
from services.portal.sessions import Session
from services.portal.settings import PortalSettings
from services.portal.upstream import Upstream
from services.portal.visiting import SESSION_COOKIE, SIGN_ON_PATH
from shared.core.database import Sessions
from shared.core.settings import MIB
from shared.core.unit_of_work import UnitOfWork
from shared.documents.models import Document
from shared.oauth.models import RevokedToken
from shared.storage.store import Storage
from tests.api.conftest import serve
from tests.api.seeding import Seeded
from tests.api.test_framing import send
from tests.api.token_holders import SlowDownload
from tests.portal.conftest import Person
from tests.portal.installation import open_sessions
from tests.releasing import close_everything

SIZE = 25_000_000
LIMIT_SECONDS = 2.0
CONNECTIONS = 128
TWO_LENGTHS = b"Content-Length: 1\r\nTransfer-Encoding: chunked"
HEALTH = b"GET /health HTTP/1.1\r\nHost: portal\r\nConnection: close\r\n\r\n"


@pytest.fixture
def overview(seeded: Seeded, sessions: Sessions, storage: Storage) -> Iterator[str]:
    """Return the path of a large document."""
    document = seeded.documents["overview"]
    storage.put("documents/large", bytes(SIZE))
    names = ("storage_keys", "byte_offsets", "byte_sizes")
    with UnitOfWork(sessions) as unit:
        row = unit.session.get_one(Document, document)
        before = {name: getattr(row, name) for name in names}
    for values in (dict(zip(names, (["documents/large"], [0], [SIZE]), strict=True)), before):
        with UnitOfWork(sessions) as unit:
            unit.session.execute(update(Document).where(Document.id == document).values(values))
        if values is not before:
            yield f"/documenten/{document}"


def sign_off(head: Person, _: Sessions) -> None:
    assert head.post("/afmelden", {}).status_code == HTTPStatus.OK


def close_windows(_: Person, sessions: Sessions) -> None:
    with UnitOfWork(sessions) as unit:
        close_everything(unit.session)


@pytest.mark.usefixtures("open_now")
@pytest.mark.parametrize("end", [sign_off, close_windows])
def test_an_end_of_access_ends_running_downloads(
    head: Person, overview: str, sessions: Sessions, end: Callable[[Person, Sessions], None]
) -> None:
    head.get("/")  # so that the session has a token
    cookies = "; ".join(f"{name}={value}" for name, value in head.cookies.items())
    download = SlowDownload(head.portal_url, overview, {"Cookie": cookies})
    end(head, sessions)
    before, ended_at = download.received, time.monotonic()
    download.read_until_reset()
    assert download.received - before < MIB
    assert time.monotonic() - ended_at < LIMIT_SECONDS


@pytest.mark.usefixtures("open_now")
def test_sign_off_ends_downloads_with_every_token_of_the_session(
    head: Person, overview: str, portal_settings: PortalSettings
) -> None:
    """Requests at the same time obtain a token each, and the session keeps one of them."""
    head.get("/")
    cookies = "; ".join(f"{name}={value}" for name, value in head.cookies.items())
    download = SlowDownload(head.portal_url, overview, {"Cookie": cookies})
    store, secret = open_sessions(portal_settings), head.cookies[SESSION_COOKIE]
    for _ in range(2):
        session = store.find(secret)
        assert session is not None
        store.save(secret, replace(session, access_ends_at=0.0))
        head.get("/")
    ended_at = time.monotonic()
    assert head.post("/afmelden", {}).status_code == HTTPStatus.OK
    download.read_until_reset()
    assert time.monotonic() - ended_at < LIMIT_SECONDS


def test_token_of_a_request_during_the_sign_off_ends(
    head: Person,
    portal_settings: PortalSettings,
    sessions: Sessions,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    store, secret = open_sessions(portal_settings), head.cookies[SESSION_COOKIE]
    original = Upstream.api_of

    def sign_off_meanwhile(upstream: Upstream, session: Session, address: str) -> Api:
        api = original(upstream, session, address)
        store.end(secret)
        return api

    monkeypatch.setattr(Upstream, "api_of", sign_off_meanwhile)
    count = select(func.count()).select_from(RevokedToken)
    with UnitOfWork(sessions) as unit:
        before = unit.session.scalars(count).one()
    assert head.get("/").headers["Location"] == SIGN_ON_PATH
    with UnitOfWork(sessions) as unit:
        assert unit.session.scalars(count).one() == before + 1


@pytest.mark.usefixtures("open_now")
def test_unchanged_and_impossible_parts_of_a_fiche(head: Person, seeded: Seeded) -> None:
    path = f"/documenten/{seeded.documents['fiche']}"
    tag = head.get(path).headers["ETag"]
    for shown in (path, f"{path}/bekijken"):
        assert head.get(shown, **{"If-None-Match": tag}).status_code == HTTPStatus.NOT_MODIFIED
        outside = head.get(shown, Range="bytes=99999999-")
        assert outside.status_code == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE


@pytest.mark.parametrize("path", ["/klassen/", "/health/", "/aanmelden/"])
def test_no_redirect_has_the_host_of_a_request(portal_url: str, path: str) -> None:
    head = f"GET {path} HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n"
    received = send(portal_url, head.encode())
    assert received.startswith(b"HTTP/1.1 404 ")
    assert b"evil.example" not in received


def test_idle_connections_take_the_place_of_nobody(portal_settings: PortalSettings) -> None:
    settings = portal_settings.model_copy(update={"max_connections": CONNECTIONS})
    with serve(create_app(settings)) as url:
        address = urlsplit(url)
        idle = []
        for number in range(3 * CONNECTIONS):
            one = socket.create_connection((address.hostname, address.port), timeout=10)
            if number % 2:
                one.sendall(HEALTH[:20])
            idle.append(one)
        assert send(url, HEALTH).startswith(b"HTTP/1.1 200 ")
        assert sum(map(is_closed, idle)) >= 2 * CONNECTIONS
        for one in idle:
            one.close()


def is_closed(connection: socket.socket) -> bool:
    connection.settimeout(0.05)
    try:
        return connection.recv(1) == b""
    except TimeoutError:
        return False
    except ConnectionResetError:
        return True


@pytest.mark.parametrize(
    "sent",
    [
        b"GET /health HTTP/1.1\nHost: x\r\n\r\n",
        HEALTH.replace(b"Connection: close", TWO_LENGTHS) + b"0\r\n\r\n",
    ],
)
def test_ambiguous_request_is_refused(portal_url: str, sent: bytes) -> None:
    assert send(portal_url, sent).startswith(b"HTTP/1.1 400 ")


def test_form_that_does_not_end_is_refused(
    portal_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(forms, "MAX_SECONDS", 0.2)
    begun = b"POST /afmelden HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\nConnection: close\r\n\r\na"
    assert send(portal_url, begun).startswith(b"HTTP/1.1 400 ")
