"""What ends access, and what it ends: each pair with its time, on a running API."""

import socket
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
import time_machine
from sqlalchemy import func, text, update

from services.api.app import create_app
from shared.access.rules import GRANTABLE, Caller, CallerKind
from shared.core.database import Sessions
from shared.core.settings import MIB, Settings
from shared.core.unit_of_work import UnitOfWork
from shared.documents.models import Document
from shared.oauth.clients.rules import ClientKind
from shared.oauth.token_exchange import ACCESS_TOKEN, GRANT_TYPE
from shared.oauth.tokens import MAX_LIFETIME, TokenAuthority
from shared.releases.models import ReleaseWindow
from shared.storage.store import Storage
from tests.api.conftest import AuditLog, serve
from tests.api.oauth_clients import HTTP, OAuthClient, register_client
from tests.api.seeding import ADMINISTRATION, SCHOOL, Seeded
from tests.oauth.provider_process import RULES, OpenIdProvider, openid_provider

LIMIT_SECONDS = 2.0
AHEAD_BYTES = MIB
SIZES = {"print": 2_000_000, "overview": 25_000_000}
ROLE = "toetsfeedback_rol_3d"
REFUSED = {401, 403, 404}
READERS = {"roles": RULES["roles"] | {"Lezer": ["schools:read", "documents:read"]}}

pytestmark = pytest.mark.usefixtures("open_now", "no_jobs")


@pytest.fixture(scope="module")
def outside(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OpenIdProvider]:
    with openid_provider(tmp_path_factory.mktemp("provider")) as provider:
        yield provider


@pytest.fixture(scope="module")
def url(api_settings: Settings, outside: OpenIdProvider, sizes: dict[str, str]) -> Iterator[str]:
    assert sizes
    file = outside.key_file.with_name("provider.json")
    file.write_text(outside.settings(claims=RULES | READERS).model_dump_json())
    app = create_app(api_settings.model_copy(update={"user_provider_file": file}))
    with serve(app) as address:
        yield address


@pytest.fixture(scope="module")
def sizes(seeded: Seeded, sessions: Sessions, storage: Storage) -> dict[str, str]:
    """The paths of two documents, by their names, after they got their sizes."""
    with UnitOfWork(sessions) as unit:
        for name, size in SIZES.items():
            storage.put(f"documents/{name}", bytes(size))
            place = {"storage_keys": [f"documents/{name}"], "byte_offsets": [0]}
            row = update(Document).where(Document.id == seeded.documents[name])
            unit.session.execute(row.values(**place, byte_sizes=[size]))
    return {name: f"/v1/documents/{seeded.documents[name]}" for name in SIZES}


@dataclass
class World:
    """The running API, its people and programs, and the documents by name."""

    url: str
    sessions: Sessions
    outside: OpenIdProvider
    operator: httpx.Client
    school: httpx.Client
    documents: dict[str, str]


@pytest.fixture
def world(
    url: str,
    sessions: Sessions,
    outside: OpenIdProvider,
    operator: httpx.Client,
    school: httpx.Client,
    sizes: dict[str, str],
) -> World:
    return World(url, sessions, outside, operator, school, sizes)


@dataclass
class Holder:
    """A client with a token, and the mandate that it has, if it is an integrator."""

    world: World
    client: OAuthClient
    token: str
    mandate: str = ""

    @classmethod
    def integrator(cls, world: World) -> "Holder":
        client = register_client(world.sessions, world.url, ClientKind.INTEGRATOR)
        until = (datetime.now(UTC) + timedelta(days=30)).date().isoformat()
        plan = {"clientId": client.id, "products": ["studentFeedback"], "purpose": "Downloads"}
        given = world.school.post("/v1/mandates", json=plan | {"until": until})
        return cls(world, client, client.token(), given.json()["href"])

    @classmethod
    def person(cls, world: World) -> "Holder":
        client = register_client(world.sessions, world.url, ClientKind.PORTAL)
        answer = sign_on(client, world.outside, f"Lezer:{SCHOOL}")
        return cls(world, client, answer.json()["access_token"])

    @classmethod
    def operator(cls, world: World) -> "Holder":
        client = register_client(world.sessions, world.url, ClientKind.OPERATOR)
        return cls(world, client, client.token())

    def headers(self, method: str, path: str) -> dict[str, str]:
        proof = self.client.proofs.proof(method, f"{self.client.url}{path}", self.token)
        return {"Authorization": f"DPoP {self.token}", "DPoP": proof}

    def get(self, path: str) -> httpx.Response:
        answer = HTTP.get(f"{self.client.url}{path}", headers=self.headers("GET", path))
        self.client.proofs.nonce = answer.headers.get("DPoP-Nonce", self.client.proofs.nonce)
        return answer

    def link(self, document: str) -> str:
        path = f"{document}/grants"
        headers = self.headers("POST", path)
        answer = HTTP.post(f"{self.client.url}{path}", headers=headers)
        assert answer.status_code == 201, answer.text
        return str(urlsplit(answer.json()["href"]).path)


def sign_on(client: OAuthClient, outside: OpenIdProvider, *roles: str) -> httpx.Response:
    claims: dict[str, Any] = {"vo_id": f"person-{client.id}", ROLE: [*roles]}
    token = outside.token(vo_orgcode=SCHOOL, **claims)
    form = {"subject_token": token, "subject_token_type": ACCESS_TOKEN}
    return client.request_token(grant_type=GRANT_TYPE, **form)


def revoke_token(holder: Holder) -> None:
    assert holder.client.post("/oauth2/revoke", token=holder.token).status_code == 200


def patch_client(holder: Holder, change: dict[str, Any]) -> None:
    answer = holder.world.operator.patch(f"/v1/clients/{holder.client.id}", json=change)
    assert answer.status_code == 200, answer.text


def suspend_client(holder: Holder) -> None:
    patch_client(holder, {"state": "suspended"})


def remove_scope(holder: Holder) -> None:
    patch_client(holder, {"scopes": ["schools:read"]})


def remove_key(holder: Holder) -> None:
    path = f"/v1/clients/{holder.client.id}/keys/{holder.client.key.thumbprint()}"
    assert holder.world.operator.delete(path).status_code == 204


def revoke_mandate(holder: Holder) -> None:
    assert holder.world.school.post(f"{holder.mandate}/revoke").status_code == 200


def end_mandate(holder: Holder) -> None:
    """Move the days of the mandate into the past, which is refused to anyone but the owner."""
    with UnitOfWork(holder.world.sessions) as unit:
        unit.session.execute(text("set local session_replication_role = replica"))
        ended = "from_on = current_date - 9, until_on = current_date - 2"
        statement = text(f"update mandates set {ended} where client = :client")
        unit.session.execute(statement, {"client": holder.client.id})


def close_window(holder: Holder) -> None:
    with UnitOfWork(holder.world.sessions) as unit:
        unit.session.execute(update(ReleaseWindow).values(closes_at=func.now()))


def lose_role(holder: Holder) -> None:
    assert sign_on(holder.client, holder.world.outside).status_code == 400


def lose_one_role(holder: Holder) -> None:
    other = f"Beheerder:{SCHOOL}"
    assert sign_on(holder.client, holder.world.outside, other).status_code == 200


ENDS: dict[str, tuple[Callable[[World], Holder], Callable[[Holder], None]]] = {
    "token revoked": (Holder.integrator, revoke_token),
    "client suspended": (Holder.integrator, suspend_client),
    "scope removed": (Holder.integrator, remove_scope),
    "key removed": (Holder.integrator, remove_key),
    "mandate revoked": (Holder.integrator, revoke_mandate),
    "mandate over": (Holder.integrator, end_mandate),
    "window closed": (Holder.integrator, close_window),
    "role gone at sign-on": (Holder.person, lose_role),
    "role changed at sign-on": (Holder.person, lose_one_role),
    "token of a person revoked": (Holder.person, revoke_token),
    "portal suspended": (Holder.person, suspend_client),
    "scope of the portal removed": (Holder.person, remove_scope),
    "key of the portal removed": (Holder.person, remove_key),
    "window closed for a school": (Holder.person, close_window),
}
STREAM_ENDS = {
    "token revoked": revoke_token,
    "client suspended": suspend_client,
    "scope removed": remove_scope,
    "key removed": remove_key,
}


class SlowDownload:
    """A download by a client that reads 64 KiB, and then about 800 kB per second."""

    def __init__(self, url: str, path: str, headers: dict[str, str]) -> None:
        address = urlsplit(url)
        self._socket = socket.create_connection((address.hostname, address.port), timeout=10)
        lines = [f"GET {path} HTTP/1.1", f"Host: {address.netloc}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        self._socket.sendall("\r\n".join([*lines, "", ""]).encode())
        start = b""
        while len(start) < 64 * 1024:
            start += self._socket.recv(64 * 1024)
        assert start.startswith(b"HTTP/1.1 200 "), start[:300]
        head, _, body = start.partition(b"\r\n\r\n")
        self.size = int(head.lower().partition(b"content-length: ")[2].split()[0])
        self.received = len(body)

    def read_to_its_end(self) -> None:
        with self._socket, suppress(ConnectionResetError):
            while self.received < self.size and (piece := self._socket.recv(16 * 1024)):
                self.received += len(piece)
                time.sleep(0.02)


def slow_download(holder: Holder, document: str, *, by_link: bool = False) -> SlowDownload:
    path = f"{document}/content"
    if by_link:
        return SlowDownload(holder.client.url, holder.link(document), {})
    return SlowDownload(holder.client.url, path, holder.headers("GET", path))


def ends_download(holder: Holder, end: Callable[[], None], name: str, *, by_link: bool) -> float:
    """Return the time until the download has ended."""
    download = slow_download(holder, holder.world.documents[name], by_link=by_link)
    time.sleep(0.1)
    before = download.received
    end()
    ended_at = time.monotonic()
    download.read_to_its_end()
    assert download.received < download.size == SIZES[name]
    assert download.received - before < AHEAD_BYTES
    return time.monotonic() - ended_at


def ends_request(holder: Holder, end: Callable[[], None], path: str) -> float:
    before = holder.get(path)
    assert before.status_code == 200
    end()
    ended_at = time.monotonic()
    after = holder.get(path)
    is_empty_list = after.status_code == 200 and after.json()["total"] == 0 < before.json()["total"]
    assert is_empty_list or after.status_code in REFUSED, after.text
    return time.monotonic() - ended_at


def ends_link(holder: Holder, end: Callable[[], None], document: str) -> float:
    path = holder.link(document)
    end()
    ended_at = time.monotonic()
    assert HTTP.get(f"{holder.client.url}{path}").status_code == 404
    return time.monotonic() - ended_at


THINGS: dict[str, Callable[[Holder, Callable[[], None]], float]] = {
    "new request": lambda holder, end: ends_request(
        holder, end, holder.world.documents["overview"]
    ),
    "list": lambda holder, end: ends_request(holder, end, f"/v1/schools/{SCHOOL}/documents"),
    "download of 2 MB": lambda holder, end: ends_download(holder, end, "print", by_link=False),
    "download of 25 MB": lambda holder, end: ends_download(holder, end, "overview", by_link=False),
    "download of 25 MB by link": lambda holder, end: ends_download(
        holder, end, "overview", by_link=True
    ),
    "link": lambda holder, end: ends_link(holder, end, holder.world.documents["print"]),
}


@pytest.fixture(scope="module")
def times() -> Iterator[dict[tuple[str, str], float]]:
    """The time of each cell; `pytest -s` prints the table."""
    measured: dict[tuple[str, str], float] = {}
    yield measured
    for (end, thing), seconds in sorted(measured.items()):
        print(f"{end:28} {thing:26} {seconds * 1000:6.0f} ms")  # noqa: T201  # the table


@pytest.mark.parametrize("thing", THINGS)
@pytest.mark.parametrize("end", ENDS)
def test_an_end_of_access_ends_it(
    world: World, end: str, thing: str, times: dict[tuple[str, str], float]
) -> None:
    make_holder, end_access = ENDS[end]
    holder = make_holder(world)
    times[end, thing] = THINGS[thing](holder, partial(end_access, holder))
    assert times[end, thing] < LIMIT_SECONDS


def job_path(world: World) -> str:
    build = {"kind": "documents.build", "administrationId": ADMINISTRATION}
    href: str = world.operator.post("/v1/jobs", json=build).headers["Location"]
    return urlsplit(href).path


@pytest.mark.parametrize("end", STREAM_ENDS)
def test_an_end_of_access_ends_an_event_stream(
    world: World, end: str, times: dict[tuple[str, str], float]
) -> None:
    holder, path = Holder.operator(world), f"{job_path(world)}/events"
    headers = holder.headers("GET", path)
    with HTTP.stream("GET", f"{world.url}{path}", headers=headers, timeout=10) as stream:
        lines = stream.iter_lines()
        assert any(line.startswith("data: ") for line in lines)
        STREAM_ENDS[end](holder)
        ended_at = time.monotonic()
        assert not any(line.startswith("data: ") for line in lines)
    times[end, "event stream"] = time.monotonic() - ended_at
    assert times[end, "event stream"] < LIMIT_SECONDS


@pytest.mark.parametrize("end", [end for end in ENDS if end not in STREAM_ENDS])
def test_who_depends_on_schools_opens_no_event_stream(world: World, end: str) -> None:
    holder = ENDS[end][0](world)
    assert holder.get(f"{job_path(world)}/events").status_code == 403


def test_a_download_ends_when_its_token_expires(world: World) -> None:
    holder = Holder.integrator(world)
    download = slow_download(holder, world.documents["overview"])
    with time_machine.travel(datetime.now(UTC) + MAX_LIFETIME + timedelta(minutes=1)):
        ended_at = time.monotonic()
        download.read_to_its_end()
        assert time.monotonic() - ended_at < LIMIT_SECONDS
    assert download.received < download.size


def test_a_client_that_stops_reading_is_disconnected(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.api.http.connections.STALL_TIMEOUT_SECONDS", 1)
    download = slow_download(Holder.integrator(world), world.documents["overview"])
    time.sleep(5)
    download.read_to_its_end()
    assert download.received < AHEAD_BYTES + download.size / 10


def test_a_link_is_valid_no_longer_than_its_token(world: World, authority: TokenAuthority) -> None:
    kind = CallerKind.SCHOOL
    caller = Caller("a portal", kind, GRANTABLE[kind], SCHOOL)
    client = OAuthClient(world.url, "a portal", None)
    lifetime = timedelta(seconds=20)
    holder = Holder(world, client, authority.issue(caller, lifetime, client.proofs.thumbprint))
    holder.get("/v1/schools")  # for the nonce
    path = f"{world.documents['print']}/grants"
    answer = HTTP.post(f"{world.url}{path}", headers=holder.headers("POST", path))
    expires_at = datetime.fromisoformat(answer.json()["expiresAt"])
    assert expires_at - datetime.now(UTC) <= lifetime


def test_the_audit_log_has_the_question_that_ended_a_download(
    world: World, audit_log: AuditLog
) -> None:
    for end, rule in (
        (revoke_token, "scope"),
        (remove_scope, "scope"),
        (revoke_mandate, "reach"),
        (close_window, "gate"),
    ):
        holder = Holder.integrator(world)
        ends_download(holder, partial(end, holder), "overview", by_link=False)
        expected = ("getDocumentContent", SCHOOL, "refused", rule)
        deadline = time.monotonic() + LIMIT_SECONDS
        while audit_log.decisions()[-1] != expected and time.monotonic() < deadline:
            time.sleep(0.05)
        assert audit_log.decisions()[-1] == expected
