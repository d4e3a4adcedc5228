"""Downloads that run: how many of one caller, school and link, and how slow they may be."""

import time
from collections.abc import Iterator
from contextlib import ExitStack
from urllib.parse import urlsplit

import httpx
import pytest
from sqlalchemy import update

from services.api.app import create_app
from services.api.http import download_monitor
from services.api.http.download_monitor import LINK_DOWNLOADS
from shared.access.rules import GRANTABLE, Caller, CallerKind
from shared.core.database import Sessions
from shared.core.settings import Settings
from shared.core.unit_of_work import UnitOfWork
from shared.documents.models import Document
from shared.storage.store import Storage
from tests.api.conftest import AuditLog, Callers, serve
from tests.api.seeding import SCHOOL, Seeded
from tests.api.token_holders import SlowDownload

MOST = 2
SIZE = 25_000_000
PART = {"Range": "bytes=0-5999999"}

pytestmark = pytest.mark.usefixtures("open_now")


@pytest.fixture(scope="module")
def url(api_settings: Settings, path: str) -> Iterator[str]:
    assert path
    with serve(create_app(api_settings.model_copy(update={"api_caller_downloads": MOST}))) as url:
        yield url


@pytest.fixture(scope="module")
def path(seeded: Seeded, sessions: Sessions, storage: Storage) -> str:
    """The path of a document that is larger than the buffers of a connection."""
    document = seeded.documents["overview"]
    storage.put("documents/large", bytes(SIZE))
    place = {"storage_keys": ["documents/large"], "byte_offsets": [0], "byte_sizes": [SIZE]}
    with UnitOfWork(sessions) as unit:
        unit.session.execute(update(Document).where(Document.id == document).values(**place))
    return f"/v1/documents/{document}/content"


class Person:
    """A person at the school, with downloads that run until the stack is closed."""

    def __init__(self, callers: Callers, path: str, stack: ExitStack, subject: str) -> None:
        kind = CallerKind.SCHOOL
        caller = Caller("a portal", kind, GRANTABLE[kind], SCHOOL, subject)
        self._token = callers.issue(caller)
        self._callers, self._path, self._stack = callers, path, stack
        self.client = callers.client(self._token)

    def begin(self) -> SlowDownload:
        url = self._callers.url
        headers = self._callers.headers(self._token, "GET", f"{url}{self._path}")
        return self._stack.enter_context(SlowDownload(url, self._path, headers))

    def status(self) -> int:
        """Return the status of one more download, which is closed at once."""
        with self.client.stream("GET", self._path) as response:
            return response.status_code


def test_one_caller_and_one_school_have_so_many_downloads_at_a_time(
    callers: Callers, path: str, audit_log: AuditLog
) -> None:
    with ExitStack() as stack:
        one, other, third = (Person(callers, path, stack, name) for name in "abc")
        for _ in range(MOST):
            one.begin()
        before = len(audit_log.decisions())
        refused = one.client.get(path)
        assert (refused.status_code, refused.headers["Retry-After"]) == (429, "5")
        assert "downloads are running" in refused.json()["detail"]
        assert len(audit_log.decisions()) == before
        for _ in range(MOST):
            other.begin()
        assert third.status() == 429
        assert third.client.get("/v1/schools").status_code == 200
    wait_for(one, 200)


def wait_for(person: Person, status: int) -> None:
    """Wait until the server has noticed the closed connections."""
    deadline = time.monotonic() + 10
    while person.status() != status:
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_one_link_has_so_many_downloads_at_a_time_and_a_refused_one_does_not_use_it(
    callers: Callers, path: str, unauthenticated: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(download_monitor, "LINK_DOWNLOADS", MOST - 1)
    assert LINK_DOWNLOADS >= MOST
    with ExitStack() as stack:
        person = Person(callers, path, stack, "d")
        wait_for(person, 200)
        href = person.client.post(path.replace("content", "grants")).json()["href"]
        link = urlsplit(href).path
        stack.enter_context(SlowDownload(callers.url, link, PART))
        for _ in range(10):  # more bytes than the link has
            assert unauthenticated.get(href, headers=PART).status_code == 429
    time.sleep(1)
    assert unauthenticated.get(href, headers=PART).status_code == 206


def test_download_that_is_received_too_slowly_is_ended(
    callers: Callers, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(download_monitor, "RATE_SECONDS", 1.0)
    monkeypatch.setattr(download_monitor, "MIN_BYTES_PER_SECOND", 100_000)
    with ExitStack() as stack:
        person = Person(callers, path, stack, "e")
        wait_for(person, 200)
        slow, steady = person.begin(), person.begin()
        end = time.monotonic() + 4
        while time.monotonic() < end:
            steady.read()
        assert person.status() == 200  # the slow one has left its place
        slow.read_until_reset()
        assert slow.received < slow.size
        steady.read()
