"""A lock that somebody holds on one table stops no request that needs nothing of it."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from sqlalchemy import Engine, text

from clients.python.proofs import ProofKey
from clients.python.token_auth import TokenAuth
from services.api.app import create_app
from services.api.http.connection_slots import MAX_WAITING
from shared.access.rules import GRANTABLE, Caller, CallerKind
from shared.core.database import Sessions
from shared.core.settings import Settings
from shared.core.unit_of_work import UnitOfWork
from shared.oauth.tokens import MAX_LIFETIME, TokenAuthority
from shared.storage.store import Storage
from tests.api.conftest import serve
from tests.api.seeding import SCHOOL, seed_schools

pytestmark = pytest.mark.journey

REQUEST_SECONDS = 4.0
LOCKED_SECONDS = 8.0
NOISE_SECONDS = 2.0
CLIENTS = 2 * MAX_WAITING
DOCUMENTS = f"/v1/schools/{SCHOOL}/documents"
STUDENTS = f"/v1/schools/{SCHOOL}/students"
MANDATES = "/v1/mandates"


@pytest.fixture(scope="module")
def school(
    api_settings: Settings, sessions: Sessions, storage: Storage, authority: TokenAuthority
) -> Iterator[Callable[[str], httpx.Response]]:
    """Return a function that sends a school's request to an API with a short deadline."""
    with UnitOfWork(sessions) as unit:
        seed_schools(unit.session, storage)
    caller = Caller("portal", CallerKind.SCHOOL, GRANTABLE[CallerKind.SCHOOL], SCHOOL)
    key = ProofKey()
    token = authority.issue(caller, MAX_LIFETIME, key.thumbprint)
    app = create_app(api_settings.model_copy(update={"api_request_seconds": REQUEST_SECONDS}))
    with (
        serve(app) as url,
        httpx.Client(base_url=url, auth=TokenAuth(lambda: token, key), timeout=60) as client,
    ):
        assert {client.get(path).status_code for path in (DOCUMENTS, STUDENTS, MANDATES)} == {200}
        yield client.get


@pytest.mark.parametrize(("table", "stopped"), [("documents", DOCUMENTS), ("mandates", MANDATES)])
def test_lock_on_one_table_stops_only_requests_that_need_it(
    school: Callable[[str], httpx.Response], engine: Engine, table: str, stopped: str
) -> None:
    def repeat(path: str) -> list[tuple[int, float]]:
        measured = []
        while time.monotonic() < ends_at:
            started = time.monotonic()
            status = school(path).status_code
            measured.append((status, time.monotonic() - started))
        return measured

    with engine.begin() as holder, ThreadPoolExecutor(CLIENTS + 2) as pool:
        holder.execute(text(f"lock table {table} in access exclusive mode"))
        ends_at = time.monotonic() + LOCKED_SECONDS
        waiting = [pool.submit(repeat, stopped) for _ in range(CLIENTS)]
        time.sleep(0.2)
        others = pool.submit(repeat, STUDENTS)
        health = pool.submit(repeat, "/health")
        locked = [measured for client in waiting for measured in client.result()]
        assert {status for status, _ in locked} == {503}
        assert max(seconds for _, seconds in locked) < REQUEST_SECONDS + NOISE_SECONDS
        assert {status for status, _ in others.result()} == {200}
        assert max(seconds for _, seconds in others.result()) < NOISE_SECONDS
        assert {status for status, _ in health.result()} == {200}
    assert school(stopped).status_code == 200
