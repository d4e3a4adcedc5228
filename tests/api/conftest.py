"""A running API on a seeded database, and clients with tokens for it."""

import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import httpx
import pytest
import uvicorn
from fastapi import FastAPI
from sqlalchemy import select, text
from starlette.types import ASGIApp

from clients.python.proofs import ProofKey
from clients.python.token_auth import TokenAuth
from services.api.app import create_app
from services.api.http.protocol import ProblemProtocol
from shared.access.rules import GRANTABLE, Caller, CallerKind, Scope
from shared.audit.models import AuditEvent
from shared.core.database import Sessions
from shared.core.settings import Settings
from shared.core.unit_of_work import UnitOfWork
from shared.oauth.dpop import Nonces
from shared.oauth.tokens import MAX_LIFETIME, TokenAuthority
from shared.storage.store import Storage
from tests.api.guide_seeding import seed_guides
from tests.api.seeding import OTHER, SCHOOL, Seeded, released, seed_schools
from tests.audit_log import append_pending
from tests.releasing import close_everything

CERTIFICATES = ssl.create_default_context()
"""What no client on loopback uses; each would load it again."""


@contextmanager
def serve(app: ASGIApp, public_url: str | None = None, port: int = 0) -> Iterator[str]:
    """Serve the app with a real server, and yield its address, which is also its public one."""
    # With protocol TCP by name: on any other, asyncio lets responses wait for acknowledgements.
    with socket.socket(proto=socket.IPPROTO_TCP) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # a server is restarted
        listener.bind(("127.0.0.1", port))
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        if isinstance(app, FastAPI):
            app.state.resources = replace(app.state.resources, public_url=public_url or url)
        config = uvicorn.Config(
            app,
            http=ProblemProtocol,
            log_config=None,
            access_log=False,
            server_header=False,
            lifespan="on",
        )
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, args=([listener],), daemon=True)
        thread.start()
        while not server.started:
            assert thread.is_alive()
            time.sleep(0.01)
        yield url
        server.should_exit = True
        thread.join(timeout=20)


@pytest.fixture(scope="module")
def seeded(sessions: Sessions, storage: Storage) -> Seeded:
    with UnitOfWork(sessions) as unit:
        seed_guides(unit.session, storage)
        return seed_schools(unit.session, storage)


@pytest.fixture(scope="module")
def app(api_settings: Settings) -> FastAPI:
    return create_app(api_settings)


@pytest.fixture(scope="module")
def url(app: FastAPI, seeded: Seeded) -> Iterator[str]:  # noqa: ARG001  # rows to serve
    with serve(app) as address:
        yield address


class Callers:
    """HTTP clients for every kind of caller, closed at the end of the module."""

    def __init__(self, url: str, authority: TokenAuthority) -> None:
        self.url = url
        self.authority = authority
        self.key = ProofKey()
        self._open: list[httpx.Client] = []

    def token(self, kind: CallerKind, school: str | None = None, *scopes: Scope) -> str:
        return self.issue(Caller(f"a {kind}", kind, frozenset(scopes) or GRANTABLE[kind], school))

    def issue(self, caller: Caller) -> str:
        """Return a token that is bound to `key`."""
        return self.authority.issue(caller, MAX_LIFETIME, self.key.thumbprint)

    def auth(self, token: str) -> httpx.Auth:
        return TokenAuth(lambda: token, self.key)

    def headers(
        self, token: str, method: str, url: str, key: ProofKey | None = None
    ) -> dict[str, str]:
        """Return the headers of one request, for a test that does not send it with `client`."""
        key = key or self.key
        key.nonce = Nonces(self.authority.keys.derive_secrets("nonces")).at(time.time())
        proof = key.proof(method, url, token)
        return {"Authorization": f"DPoP {token}", "DPoP": proof}

    def client(self, token: str | None = None) -> httpx.Client:
        auth = None if token is None else self.auth(token)
        client = httpx.Client(base_url=self.url, auth=auth, timeout=30, verify=CERTIFICATES)
        self._open.append(client)
        return self._open[-1]

    def school(self, school: str = SCHOOL, *scopes: Scope) -> httpx.Client:
        return self.client(self.token(CallerKind.SCHOOL, school, *scopes))

    def close(self) -> None:
        for client in self._open:
            client.close()


@pytest.fixture(scope="module")
def callers(url: str, authority: TokenAuthority) -> Iterator[Callers]:
    callers = Callers(url, authority)
    yield callers
    callers.close()


@pytest.fixture(scope="module")
def school(callers: Callers) -> httpx.Client:
    return callers.school()


@pytest.fixture(scope="module")
def other(callers: Callers) -> httpx.Client:
    return callers.school(OTHER)


@pytest.fixture(scope="module")
def integrator(callers: Callers) -> httpx.Client:
    return callers.client(callers.token(CallerKind.INTEGRATOR))


@pytest.fixture(scope="module")
def operator(callers: Callers) -> httpx.Client:
    return callers.client(callers.token(CallerKind.OPERATOR))


@pytest.fixture(scope="module")
def unauthenticated(callers: Callers) -> httpx.Client:
    return callers.client()


class AuditLog:
    """The audit log since the test began."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions
        with UnitOfWork(sessions) as unit:
            append_pending(unit)
            self._before = (
                unit.session.scalar(select(AuditEvent.id).order_by(AuditEvent.id.desc())) or 0
            )

    def entries(self) -> list[dict[str, Any]]:
        query = select(
            AuditEvent.caller_subject,
            AuditEvent.action,
            AuditEvent.resource,
            AuditEvent.organisation,
            AuditEvent.outcome,
            AuditEvent.rule,
        )
        in_order = query.order_by(AuditEvent.occurred_at, AuditEvent.id)
        with UnitOfWork(self._sessions) as unit:
            append_pending(unit)
            rows = unit.session.execute(in_order.where(AuditEvent.id > self._before))
            return [dict(row._mapping) for row in rows]

    def decisions(self) -> list[tuple[str, str | None, str, str]]:
        return [
            (entry["action"], entry["organisation"], entry["outcome"], entry["rule"])
            for entry in self.entries()
        ]


@pytest.fixture
def audit_log(sessions: Sessions) -> AuditLog:
    return AuditLog(sessions)


@pytest.fixture
def no_windows(sessions: Sessions) -> Iterator[None]:
    yield
    with UnitOfWork(sessions) as unit:
        close_everything(unit.session)


@pytest.fixture
def no_jobs(sessions: Sessions) -> Iterator[None]:
    """Remove the jobs that a test starts, so that the next test can start the same."""
    yield
    with UnitOfWork(sessions) as unit:
        unit.session.execute(text("delete from job_failures"))
        unit.session.execute(text("delete from job_items"))
        unit.session.execute(text("delete from jobs where subject <> 'seeded'"))


@pytest.fixture
def open_now(sessions: Sessions) -> Iterator[None]:
    """Release everything of the seeded administration while the test runs."""
    with released(sessions):
        yield
