"""Requests without a valid credential count on their address, whatever they ask for."""

import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

import httpx
import pytest
from sqlalchemy import func, select

from clients.python.proofs import ProofKey
from services.api.app import create_app
from shared.access.rules import CallerKind
from shared.core.database import Sessions
from shared.core.settings import Settings
from shared.core.unit_of_work import UnitOfWork
from shared.oauth.assertions import ASSERTION_TYPE
from shared.oauth.clients.models import Client
from shared.oauth.clients.rules import ClientKind, ClientState
from shared.oauth.models import UsedIdentifier
from tests.api.conftest import Callers, serve
from tests.api.oauth_clients import OAuthClient, register_client
from tests.api.seeding import SCHOOL

pytestmark = pytest.mark.usefixtures("seeded")

JSON = {"Content-Type": "application/json"}
FORM = {"client_assertion_type": ASSERTION_TYPE, "client_assertion": "nonsense"}

FAILING: dict[str, tuple[dict[str, Any], int, int]] = {
    "malformed JSON": (
        {"method": "POST", "url": "/v1/jobs", "content": b"{", "headers": JSON},
        401,
        400,
    ),
    "unknown path": ({"method": "GET", "url": "/nothing"}, 404, 404),
    "unknown path of version 1": ({"method": "GET", "url": "/v1/nothing"}, 404, 404),
    "unsupported method": ({"method": "DELETE", "url": "/v1/jobs"}, 405, 405),
    "too large body": (
        {"method": "POST", "url": "/v1/jobs", "content": b"x" * 70_000, "headers": JSON},
        413,
        413,
    ),
    "unsupported media type": (
        {"method": "POST", "url": "/v1/jobs", "content": b"x", "headers": {"Content-Type": "a/b"}},
        401,
        415,
    ),
    "no token": ({"method": "GET", "url": "/v1/schools"}, 401, 200),
}
"""Requests with their status without a token, and with that of an operator."""


@contextmanager
def limited(api_settings: Settings, **limits: int) -> Iterator[tuple[str, httpx.Client]]:
    """Serve an API with limits, and a client at an address that no other test uses."""
    app = create_app(api_settings.model_copy(update=limits))
    address = f"2001:db8:{uuid4().hex[:4]}:{uuid4().hex[:4]}::1"
    with (
        serve(app) as url,
        httpx.Client(base_url=url, headers={"X-Forwarded-For": address}) as client,
    ):
        yield url, client


def refused_of(answers: list[httpx.Response]) -> httpx.Response:
    """Return the first response over a limit; a minute may begin between two requests."""
    return next(answer for answer in answers if answer.status_code == 429)


@pytest.mark.parametrize("failing", FAILING)
def test_failing_request_without_a_token_counts_on_its_address(
    api_settings: Settings, failing: str
) -> None:
    request, status, _ = FAILING[failing]
    with limited(api_settings, api_address_requests_per_minute=2) as (_, client):
        answers = [client.request(**request) for _ in range(8)]
        health = client.get("/health")
    assert answers[0].status_code == status
    refused = refused_of(answers)
    assert refused.json()["retryAfterSec"] > 0
    assert refused.headers["RateLimit-Policy"] == '"address";q=2;w=60'
    assert health.status_code == 200


@pytest.mark.parametrize("failing", FAILING)
def test_failing_request_with_a_token_counts_on_its_caller(
    api_settings: Settings, callers: Callers, failing: str
) -> None:
    request, _, status = FAILING[failing]
    auth = callers.auth(callers.token(CallerKind.OPERATOR))
    # one for the request that learns the nonce, one for the last
    with limited(api_settings, api_address_requests_per_minute=2) as (_, client):
        answers = [client.request(**request, auth=auth) for _ in range(5)]
        unauthenticated = client.get("/v1/schools")
    assert {answer.status_code for answer in answers} == {status}
    assert {answer.headers["RateLimit-Policy"] for answer in answers} == {'"client";q=30000;w=60'}
    assert unauthenticated.status_code == 401


def test_unknown_path_with_a_token_has_the_limit_of_its_caller(
    api_settings: Settings, callers: Callers
) -> None:
    auth = callers.auth(callers.token(CallerKind.SCHOOL, SCHOOL))
    with limited(api_settings, api_school_requests_per_minute=2) as (_, client):
        statuses = {client.get("/v1/nothing", auth=auth).status_code for _ in range(8)}
    assert 429 in statuses


def test_token_without_its_key_counts_on_the_address(
    api_settings: Settings, callers: Callers
) -> None:
    stolen = {"Authorization": f"DPoP {callers.token(CallerKind.SCHOOL, SCHOOL)}"}
    with limited(api_settings, api_address_requests_per_minute=2) as (_, client):
        answers = [client.get("/v1/nothing", headers=stolen) for _ in range(8)]
    assert refused_of(answers).headers["RateLimit-Policy"] == '"address";q=2;w=60'


def test_address_over_its_limit_gets_a_nonce_for_a_valid_token(
    api_settings: Settings, callers: Callers
) -> None:
    token = callers.token(CallerKind.SCHOOL, SCHOOL)
    with limited(api_settings, api_address_requests_per_minute=2) as (_, client):
        refused_of([client.get("/v1/schools") for _ in range(8)])
        callers.key.nonce = None
        assert client.get("/v1/schools", auth=callers.auth(token)).status_code == 200
        stolen = client.get("/v1/schools", headers={"Authorization": f"DPoP {token}"})
    assert stolen.status_code == 429


def send_part_of_a_body(url: str, path: str, address: str, headers: str = "") -> bytes:
    """Return the first line of the response to a request whose body never comes."""
    parsed = httpx.URL(url)
    with socket.create_connection((parsed.host, parsed.port or 80), timeout=5) as connection:
        connection.sendall(
            f"POST {path} HTTP/1.1\r\nHost: here\r\nX-Forwarded-For: {address}\r\n{headers}"
            "Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{".encode()
        )
        return connection.recv(65536).partition(b"\r\n")[0]


def test_token_is_verified_before_the_body_is_read(api_settings: Settings) -> None:
    with limited(api_settings) as (url, _):
        line = send_part_of_a_body(url, "/v1/jobs", "2001:db8::1")
        forged = send_part_of_a_body(
            url, "/v1/jobs", "2001:db8::1", "Authorization: Bearer a.b.c\r\n"
        )
    assert line == forged == b"HTTP/1.1 401 Unauthorized"


def test_address_over_its_limit_is_refused_before_the_body_is_read(api_settings: Settings) -> None:
    with limited(api_settings, api_address_requests_per_minute=2) as (url, client):
        for _ in range(8):
            client.get("/v1/schools")
        address = client.headers["X-Forwarded-For"]
        lines = {send_part_of_a_body(url, path, address) for path in ("/oauth2/token", "/v1/jobs")}
    assert lines == {b"HTTP/1.1 429 Too Many Requests"}


def rows_of_used_identifiers(sessions: Sessions) -> int:
    with UnitOfWork(sessions) as unit:
        return unit.session.scalar(select(func.count()).select_from(UsedIdentifier)) or 0


def test_self_made_proof_writes_no_row_and_is_limited(
    api_settings: Settings, sessions: Sessions
) -> None:
    key, before = ProofKey(), rows_of_used_identifiers(sessions)
    with limited(api_settings, api_address_requests_per_minute=6) as (url, client):
        answers = []
        for _ in range(12):
            proof = {"DPoP": key.proof("POST", f"{url}/oauth2/token")}
            answers.append(client.post("/oauth2/token", data=FORM, headers=proof))
            key.nonce = answers[-1].headers.get("DPoP-Nonce", key.nonce)
    assert answers[1].json()["error"] == "invalid_client"
    assert refused_of(answers).status_code == 429
    assert rows_of_used_identifiers(sessions) == before


def proof_of(vendor: OAuthClient) -> dict[str, str]:
    return {"DPoP": vendor.proofs.proof("POST", f"{vendor.url}/oauth2/token")}


def asked_at(client: httpx.Client, registered_client: OAuthClient) -> httpx.Response:
    """Return the response to a token request from the client's address."""
    proof = registered_client.proofs.proof("POST", f"{registered_client.url}/oauth2/token")
    form = FORM | {
        "client_assertion": registered_client.assertion(),
        "grant_type": "client_credentials",
    }
    answer = client.post("/oauth2/token", data=form, headers={"DPoP": proof})
    registered_client.proofs.nonce = answer.headers.get("DPoP-Nonce")
    return answer


def test_token_requests_of_a_client_count_on_the_client(
    api_settings: Settings, sessions: Sessions
) -> None:
    limits = {"api_address_requests_per_minute": 1, "api_client_requests_per_minute": 8}
    with limited(api_settings, **limits) as (url, client):
        vendor = register_client(sessions, url, ClientKind.INTEGRATOR)
        answers = [asked_at(client, vendor) for _ in range(20)]
        another = register_client(sessions, url, ClientKind.INTEGRATOR)
        assert asked_at(client, another).status_code == 400
        assert asked_at(client, another).status_code == 200
    assert answers[0].json()["error"] == "use_dpop_nonce"
    assert [answer.status_code for answer in answers[1:4]] == [200] * 3
    assert refused_of(answers).headers["RateLimit-Policy"] == '"client";q=8;w=60'


@pytest.mark.parametrize(
    ("form", "error"),
    [
        ({}, "use_dpop_nonce"),
        ({"client_id": "another"}, "invalid_client"),
        ({"grant_type": "password"}, "unsupported_grant_type"),
        ({"scope": "unknown"}, "invalid_scope"),
    ],
)
def test_assertion_of_a_refused_request_is_used_up(
    url: str, sessions: Sessions, form: dict[str, str], error: str
) -> None:
    vendor = register_client(sessions, url, ClientKind.INTEGRATOR)
    if form:
        assert vendor.request_token().status_code == 200  # the client learns the nonce
    form = {"grant_type": "client_credentials"} | form
    assertion = vendor.assertion()
    refused, repeated = (
        vendor.post("/oauth2/token", proof_of(vendor), client_assertion=assertion, **form)
        for _ in range(2)
    )
    assert refused.json()["error"] == error
    assert repeated.json()["error"] == "invalid_client"
    assert "used before" in repeated.json()["error_description"]
    assert vendor.request_token().status_code == 200


def test_assertion_of_a_client_whose_clock_is_ahead_is_used_up(
    url: str, sessions: Sessions
) -> None:
    vendor, now = register_client(sessions, url, ClientKind.INTEGRATOR), int(time.time())
    assertion = vendor.assertion(iat=now + 12, nbf=now + 12)
    assert "in the future" in vendor.request_token(client_assertion=assertion).text
    assert "used before" in vendor.request_token(client_assertion=assertion).text


def test_suspended_client_counts_on_its_address_and_writes_no_row(
    api_settings: Settings, sessions: Sessions
) -> None:
    with limited(api_settings, api_address_requests_per_minute=3) as (url, client):
        vendor = register_client(sessions, url, ClientKind.INTEGRATOR)
        with UnitOfWork(sessions) as unit:
            unit.session.get_one(Client, vendor.id).state = ClientState.SUSPENDED
        before = rows_of_used_identifiers(sessions)
        answers = [asked_at(client, vendor) for _ in range(10)]
    assert answers[0].json()["error"] == "invalid_client"
    assert refused_of(answers).status_code == 429
    assert rows_of_used_identifiers(sessions) == before
