"""What ends access, and what it ends: each pair with its time, on a running API."""

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from itertools import groupby
from urllib.parse import urlsplit

import httpx
import pytest
import time_machine
from sqlalchemy import update
from structlog.testing import capture_logs

from services.api.app import create_app
from shared.access.rules import GRANTABLE, Caller, CallerKind
from shared.core.database import Sessions
from shared.core.settings import MIB, Settings
from shared.core.unit_of_work import UnitOfWork
from shared.documents.models import Document
from shared.oauth.tokens import MAX_LIFETIME, TokenAuthority
from shared.storage.store import Storage
from tests.api import token_holders
from tests.api.conftest import AuditLog, serve
from tests.api.oauth_clients import HTTP, OAuthClient
from tests.api.seeding import ADMINISTRATION, SCHOOL, Seeded
from tests.api.token_holders import End, Holder, SlowDownload, World
from tests.oauth.provider_process import RULES, OpenIdProvider, openid_provider

LIMIT_SECONDS = 2.0
AHEAD_BYTES = MIB
SIZES = {"print": 2_000_000, "overview": 25_000_000}
READERS = {"roles": RULES["roles"] | {"Lezer": ["schools:read", "documents:read"]}}
UNAUTHORIZED, FORBIDDEN, NOT_FOUND, EMPTY = 401, 403, 404, 200
BEING_REBUILT = 503

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


@pytest.fixture
def world(
    url: str,
    sessions: Sessions,
    outside: OpenIdProvider,
    operator: httpx.Client,
    school: httpx.Client,
    sizes: dict[str, str],
) -> Iterator[World]:
    yield World(url, sessions, outside, operator, school, sizes)
    token_holders.restore_documents(sessions)


INTEGRATOR, PERSON, OPERATOR = Holder.integrator, Holder.person, Holder.operator
ENDS = {
    "token revoked": End.of(INTEGRATOR, token_holders.revoke_token, UNAUTHORIZED),
    "client suspended": End.of(INTEGRATOR, token_holders.suspend_client, UNAUTHORIZED),
    "scope removed": End.of(INTEGRATOR, token_holders.remove_scope, FORBIDDEN),
    "key removed": End.of(INTEGRATOR, token_holders.remove_key, UNAUTHORIZED),
    "mandate revoked": End.of(INTEGRATOR, token_holders.revoke_mandate, NOT_FOUND),
    "mandate over": End.of(INTEGRATOR, token_holders.end_mandate, NOT_FOUND),
    "window closed": End(INTEGRATOR, token_holders.close_window, NOT_FOUND, EMPTY),
    "enrolment ended": End.of(INTEGRATOR, token_holders.end_enrolment, BEING_REBUILT),
    "school's role gone": End.of(PERSON, token_holders.lose_role, FORBIDDEN),
    "school's role changed": End.of(PERSON, token_holders.lose_one_role, FORBIDDEN),
    "token of a person revoked": End.of(PERSON, token_holders.revoke_token, UNAUTHORIZED),
    "portal suspended": End.of(PERSON, token_holders.suspend_client, UNAUTHORIZED),
    "scope of the portal removed": End.of(PERSON, token_holders.remove_scope, FORBIDDEN),
    "key of the portal removed": End.of(PERSON, token_holders.remove_key, UNAUTHORIZED),
    "school succeeded": End.of(PERSON, token_holders.succeed_school, NOT_FOUND),
    "window closed for a school": End(PERSON, token_holders.close_window, NOT_FOUND, EMPTY),
}
OPERATOR_ENDS = {
    "token revoked": End.of(OPERATOR, token_holders.revoke_token, UNAUTHORIZED),
    "client suspended": End.of(OPERATOR, token_holders.suspend_client, UNAUTHORIZED),
    "scope removed": End.of(OPERATOR, token_holders.remove_scope_of_operator, FORBIDDEN),
    "key removed": End.of(OPERATOR, token_holders.remove_key, UNAUTHORIZED),
}
"""Only operators open event streams; they have no mandate, no role at a school, and no document
that a window could close."""


def slow_download(holder: Holder, document: str, *, by_link: bool = False) -> SlowDownload:
    path = f"{document}/content"
    if by_link:
        return SlowDownload(holder.client.url, holder.link(document), {})
    return SlowDownload(holder.client.url, path, holder.headers("GET", path))


def ends_download(holder: Holder, end: End, name: str, *, by_link: bool = False) -> float:
    """Return the time until the connection of the download is reset."""
    download = slow_download(holder, holder.world.documents[name], by_link=by_link)
    time.sleep(0.1)
    before = download.received
    end.act(holder)
    ended_at = time.monotonic()
    download.read_until_reset()
    assert download.received < download.size == SIZES[name]
    assert download.received - before < AHEAD_BYTES
    return time.monotonic() - ended_at


def ends_request(holder: Holder, end: End, path: str, expected: int) -> float:
    before = holder.get(path)
    assert before.status_code == HTTPStatus.OK
    end.act(holder)
    ended_at = time.monotonic()
    after = holder.get(path)
    seconds = time.monotonic() - ended_at
    assert after.status_code == expected, after.text
    if expected == EMPTY:
        assert after.json()["total"] == 0 < before.json()["total"]
    return seconds


def ends_link(holder: Holder, end: End, document: str) -> float:
    used, unused = holder.link(document), holder.link(document)
    assert HTTP.get(f"{holder.client.url}{used}").status_code == HTTPStatus.OK
    end.act(holder)
    ended_at = time.monotonic()
    expected = BEING_REBUILT if end.document == BEING_REBUILT else NOT_FOUND
    assert HTTP.get(f"{holder.client.url}{unused}").status_code == expected
    return time.monotonic() - ended_at


def ends_event_stream(holder: Holder, end: End, path: str) -> float:
    headers = holder.headers("GET", path)
    with HTTP.stream("GET", f"{holder.world.url}{path}", headers=headers, timeout=10) as stream:
        lines = stream.iter_lines()
        assert any(line.startswith("data: ") for line in lines)
        end.act(holder)
        ended_at = time.monotonic()
        assert not any(line.startswith("data: ") for line in lines)
    return time.monotonic() - ended_at


THINGS: dict[str, Callable[[Holder, End], float]] = {
    "new request": lambda holder, end: ends_request(
        holder, end, holder.world.documents["overview"], end.document
    ),
    "list": lambda holder, end: ends_request(
        holder, end, f"/v1/schools/{SCHOOL}/documents", end.documents
    ),
    "download of 2 MB": lambda holder, end: ends_download(holder, end, "print"),
    "download of 25 MB": lambda holder, end: ends_download(holder, end, "overview"),
    "2 MB by link": lambda holder, end: ends_download(holder, end, "print", by_link=True),
    "25 MB by link": lambda holder, end: ends_download(holder, end, "overview", by_link=True),
    "unused link": lambda holder, end: ends_link(holder, end, holder.world.documents["print"]),
}
OPERATOR_THINGS: dict[str, Callable[[Holder, End], float]] = {
    "new request": lambda holder, end: ends_request(
        holder, end, job_path(holder.world), end.document
    ),
    "list": lambda holder, end: ends_request(holder, end, "/v1/jobs", end.documents),
    "event stream": lambda holder, end: ends_event_stream(
        holder, end, f"{job_path(holder.world)}/events"
    ),
}


def job_path(world: World) -> str:
    build = {"kind": "documents.build", "administrationId": ADMINISTRATION}
    href: str = world.operator.post("/v1/jobs", json=build).headers["Location"]
    return urlsplit(href).path


@pytest.fixture(scope="module")
def times() -> Iterator[dict[tuple[str, str], float]]:
    """The time of each cell; `pytest -s -p no:xdist` prints the table, in seconds."""
    measured: dict[tuple[str, str], float] = {}
    yield measured
    things = [*THINGS, "event stream"]
    print("", f"| ends | {' | '.join(things)} |", "| --- " * (len(things) + 1) + "|", sep="\n")  # noqa: T201
    for end, cells in groupby(measured.items(), lambda cell: cell[0][0]):
        own = {thing: f"{seconds:.2f}" for (_, thing), seconds in cells}
        print(f"| {end} | {' | '.join(own.get(thing, '') for thing in things)} |")  # noqa: T201


@pytest.mark.parametrize("thing", THINGS)
@pytest.mark.parametrize("name", ENDS)
def test_an_end_of_access_ends_it(
    world: World, name: str, thing: str, times: dict[tuple[str, str], float]
) -> None:
    end = ENDS[name]
    times[name, thing] = THINGS[thing](end.holder(world), end)
    assert times[name, thing] < LIMIT_SECONDS


@pytest.mark.parametrize("thing", OPERATOR_THINGS)
@pytest.mark.parametrize("name", OPERATOR_ENDS)
def test_an_end_of_access_of_an_operator_ends_it(
    world: World, name: str, thing: str, times: dict[tuple[str, str], float]
) -> None:
    end = OPERATOR_ENDS[name]
    seconds = OPERATOR_THINGS[thing](end.holder(world), end)
    times[f"operator: {name}", thing] = seconds
    assert seconds < LIMIT_SECONDS


@pytest.mark.parametrize("holder", [Holder.integrator, Holder.person])
def test_who_depends_on_schools_opens_no_event_stream(
    world: World, holder: Callable[[World], Holder]
) -> None:
    assert holder(world).get(f"{job_path(world)}/events").status_code == FORBIDDEN


def test_a_download_ends_when_its_token_expires(world: World) -> None:
    holder = Holder.integrator(world)
    download = slow_download(holder, world.documents["overview"])
    with time_machine.travel(datetime.now(UTC) + MAX_LIFETIME + timedelta(minutes=1)):
        ended_at = time.monotonic()
        download.read_until_reset()
        assert time.monotonic() - ended_at < LIMIT_SECONDS
    assert download.received < download.size


def test_a_client_that_stops_reading_is_disconnected(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.http_server.connections.STALL_TIMEOUT_SECONDS", 1)
    download = slow_download(Holder.integrator(world), world.documents["overview"])
    time.sleep(5)
    download.read_until_reset()
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
    for name, rule in (
        ("token revoked", "scope"),
        ("scope removed", "scope"),
        ("mandate revoked", "reach"),
        ("window closed", "gate"),
    ):
        with capture_logs() as lines:
            ends_download(Holder.integrator(world), ENDS[name], "overview")
        assert "request_failed" not in {line["event"] for line in lines}
        expected = ("getDocumentContent", SCHOOL, "refused", rule)
        deadline = time.monotonic() + LIMIT_SECONDS
        while audit_log.decisions()[-1] != expected and time.monotonic() < deadline:
            time.sleep(0.05)
        assert audit_log.decisions()[-1] == expected
