"""Stopping an API: streams end at once and cleanly, and downloads have a time of their own."""

import time
from collections.abc import Iterator
from contextlib import suppress

import httpx
import pytest
from sqlalchemy import update

from shared.access.rules import CallerKind
from shared.core.database import Sessions
from shared.core.settings import MIB, Settings
from shared.core.unit_of_work import UnitOfWork
from shared.documents.models import Document
from shared.oauth.tokens import TokenAuthority
from shared.storage.store import Storage
from tests.api.api_process import ApiProcess
from tests.api.conftest import Callers
from tests.api.seeding import ADMINISTRATION, SCHOOL, Seeded

pytestmark = [pytest.mark.usefixtures("seeded", "no_jobs"), pytest.mark.timeout(300)]

BUILD = {"kind": "documents.build", "administrationId": ADMINISTRATION}
DRAIN_SECONDS = 3
STREAM_SECONDS = 1.5
"""For the end of a stream, on a loaded machine; before, it took five seconds and was broken."""
LARGE = 40 * MIB


@pytest.fixture
def api(api_settings: Settings) -> Iterator[ApiProcess]:
    api = ApiProcess(api_settings, TOETSFEEDBACK_API_DRAIN_SECONDS=str(DRAIN_SECONDS))
    api.spawn()
    api.wait_until_healthy()
    yield api
    api.close()


@pytest.fixture
def callers(api: ApiProcess, api_settings: Settings) -> Iterator[Callers]:
    """Return callers of the process, in place of those of an API in this process."""
    authority = TokenAuthority.of(api_settings.model_copy(update={"public_url": api.url}))
    callers = Callers(api.url, authority)
    yield callers
    callers.close()


def test_event_streams_end_at_once_and_cleanly(api: ApiProcess, callers: Callers) -> None:
    operator = callers.client(callers.token(CallerKind.OPERATOR))
    job = operator.post("/v1/jobs", json=BUILD).headers["Location"]
    with operator.stream("GET", f"{job}/events") as response:
        lines = response.iter_lines()
        assert next(line for line in lines if line).startswith("data: ")
        api.request_stop()
        stopped_at = time.monotonic()
        assert all(not line or line.startswith(":") for line in lines)  # no error: it is complete
        assert time.monotonic() - stopped_at < STREAM_SECONDS
    api.wait_for_exit()


@pytest.mark.usefixtures("open_now")
def test_download_that_is_cut_can_be_resumed(
    api: ApiProcess, callers: Callers, seeded: Seeded, sessions: Sessions, storage: Storage
) -> None:
    content = bytes(range(256)) * (LARGE // 256)
    storage.put("documents/large", content)
    place = {"storage_keys": ["documents/large"], "byte_offsets": [0], "byte_sizes": [LARGE]}
    document = seeded.documents["overview"]
    with UnitOfWork(sessions) as unit:
        unit.session.execute(update(Document).where(Document.id == document).values(**place))
    token = callers.token(CallerKind.SCHOOL, SCHOOL)
    path = f"/v1/documents/{document}/content"
    received, stopped_at = b"", 0.0
    with callers.client(token).stream("GET", path) as response:
        pieces = response.iter_raw(16 * 1024)
        with suppress(httpx.TransportError):
            for piece in pieces:
                received += piece
                if not stopped_at:
                    api.request_stop()
                    stopped_at = time.monotonic()
                time.sleep(0.02)
    assert time.monotonic() - stopped_at > DRAIN_SECONDS
    assert 0 < len(received) < LARGE
    api.wait_for_exit()
    api.spawn()
    api.wait_until_healthy()
    with callers.client(token) as client:
        entity_tag = client.head(path).headers["ETag"]
        ranges = {"Range": f"bytes={len(received)}-", "If-Range": entity_tag}
        rest = client.get(path, headers=ranges)
    assert rest.status_code == 206
    assert received + rest.content == content
