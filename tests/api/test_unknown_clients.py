"""A client that is registered cannot be distinguished from one that is not (ASVS 6.3.8)."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import current_thread
from typing import Any
from uuid import uuid4

import pytest
from fastapi import FastAPI
from joserfc.jws import JWSRegistry
from sqlalchemy import Engine, event

from shared.core.database import Sessions
from shared.oauth.clients.rules import ClientKind
from tests.api.oauth_clients import OAuthClient, register_client
from tests.oauth.signing import KEY_FACTORIES


@pytest.fixture(scope="module")
def client(url: str, sessions: Sessions) -> OAuthClient:
    return register_client(sessions, url, ClientKind.INTEGRATOR)


@contextmanager
def statements_of(engine: Engine) -> Iterator[list[str]]:
    """Collect the statements that the API executes for requests."""
    found: list[str] = []

    def collect(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if current_thread().name != "health":
            found.append(statement)

    event.listen(engine, "before_cursor_execute", collect)
    try:
        yield found
    finally:
        event.remove(engine, "before_cursor_execute", collect)


@pytest.mark.parametrize("path", ["/oauth2/token", "/oauth2/introspect", "/oauth2/revoke"])
def test_refusals_of_known_and_unknown_clients_are_the_same(
    app: FastAPI, client: OAuthClient, url: str, path: str
) -> None:
    forger = KEY_FACTORIES["ES256"]()
    refusals = []
    for client_id in (client.id, str(uuid4())):
        assertion = OAuthClient(url, client_id, forger).assertion()
        with statements_of(app.state.resources.engine) as statements:
            response = client.post(path, client_assertion=assertion, token="x", grant_type="x")
        assert response.status_code == 401
        refusals.append((response.json(), statements))
    known, unknown = refusals
    assert known == unknown
    assert len(known[1]) > 1


def test_signature_is_verified_for_an_unknown_client_too(
    client: OAuthClient, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    verified: list[str] = []
    algorithm = JWSRegistry.algorithms["ES256"]
    verify = algorithm.verify

    def count(*arguments: Any) -> bool:
        verified.append(algorithm.name)
        return verify(*arguments)

    monkeypatch.setattr(algorithm, "verify", count)
    for client_id in (client.id, str(uuid4())):
        assertion = OAuthClient(url, client_id, KEY_FACTORIES["ES256"]()).assertion()
        verified.clear()
        assert client.post("/oauth2/token", client_assertion=assertion).status_code == 401
        assert verified == ["ES256"]
