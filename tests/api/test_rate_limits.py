"""Limits, alarms and time limits of the running API."""

import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

import httpx
import pytest
from fastapi import FastAPI
from pydantic import SecretStr
from structlog.testing import capture_logs

from services.api.app import create_app
from services.api.http import counters as counters_module
from services.api.http.counters import Counters, LocalCounters
from services.api.http.middleware import BodyLimit
from services.api.http.rate_limiter import RateLimiter, RateLimitStatus
from shared.access.rules import GRANTABLE, Caller, CallerKind
from shared.core.settings import Settings
from shared.oauth.assertions import ASSERTION_TYPE
from tests.api.conftest import Callers, serve

WINDOWS = "/v1/releaseWindows"
NOWHERE = SecretStr("redis://127.0.0.1:1/0")
TEST_SECONDS = 10
"""The longest that a test takes on a loaded machine."""


@pytest.fixture(autouse=True)
def _within_one_minute() -> None:
    """Start early enough in a minute, as counts start again with the next one."""
    seconds_left = 60 - time.time() % 60
    if seconds_left < TEST_SECONDS:
        time.sleep(seconds_left)


def integrator(callers: Callers) -> httpx.Auth:
    """Return the authentication of an integrator with a rate limit of its own."""
    kind = CallerKind.INTEGRATOR
    return callers.auth(callers.issue(Caller(f"vendor {uuid4()}", kind, GRANTABLE[kind])))


@contextmanager
def limited(
    api_settings: Settings, auth: httpx.Auth | None, **limits: Any
) -> Iterator[tuple[httpx.Client, FastAPI]]:
    app = create_app(api_settings.model_copy(update=limits))
    with serve(app) as url, httpx.Client(base_url=url, auth=auth) as client:
        yield client, app


def test_request_over_the_limit_gets_retry_after(api_settings: Settings, callers: Callers) -> None:
    with limited(api_settings, integrator(callers), api_client_requests_per_minute=4) as (
        client,
        _,
    ):
        responses = [client.get(WINDOWS) for _ in range(10)]
    rejected = next(response for response in responses if response.status_code == 429)
    body = rejected.json()
    assert body["type"] == "urn:problem-type:belgif:tooManyRequests"
    assert 0 < body["retryAfterSec"] <= 60
    assert rejected.headers["Retry-After"] == str(body["retryAfterSec"])
    assert rejected.headers["RateLimit-Policy"] == '"client";q=4;w=60'
    assert rejected.headers["RateLimit"] == f'"client";r=0;t={body["retryAfterSec"]}'
    assert [response.status_code for response in responses[:4]] == [200] * 4


def test_each_caller_has_its_own_limit(api_settings: Settings, callers: Callers) -> None:
    with limited(api_settings, integrator(callers), api_client_requests_per_minute=1) as (
        client,
        _,
    ):
        for _ in range(3):
            client.get(WINDOWS)
        assert client.get(WINDOWS, auth=integrator(callers)).status_code == 200


def test_requests_without_a_valid_token_are_counted_by_address(
    api_settings: Settings, callers: Callers
) -> None:
    network = f"2001:db8:{uuid4().hex[:4]}"
    limited_address, other_address, address_of_integrator = (
        {"X-Forwarded-For": f"{network}:{number}::1"} for number in range(3)
    )
    auth = integrator(callers)
    with limited(api_settings, None, api_address_requests_per_minute=2) as (client, _):
        # A first request without the nonce is sent again, and counts as one without a valid token.
        assert client.get(WINDOWS, headers=address_of_integrator, auth=auth).status_code == 200
        form = {"client_assertion_type": ASSERTION_TYPE, "client_assertion": "nonsense"}
        for request in (
            client.build_request("GET", WINDOWS, headers=limited_address),
            client.build_request("GET", "/v1/downloads/unknown", headers=limited_address),
            client.build_request("POST", "/oauth2/token", headers=limited_address, data=form),
        ):
            assert 429 in {client.send(request).status_code for _ in range(6)}
        assert client.get(WINDOWS, headers=other_address).status_code == 401
        assert client.get(WINDOWS, headers=limited_address, auth=auth).status_code == 200


def test_token_request_over_the_limit_gets_an_error_of_oauth(api_settings: Settings) -> None:
    form = {"client_assertion_type": ASSERTION_TYPE, "client_assertion": "nonsense"}
    with limited(api_settings, None, api_address_requests_per_minute=1) as (client, _):
        responses = [client.post("/oauth2/token", data=form) for _ in range(4)]
    rejected = next(response for response in responses if response.status_code == 429)
    assert rejected.headers["Content-Type"] == "application/json"
    assert rejected.json().keys() == {"error", "error_description"}
    assert rejected.json()["error"] == "temporarily_unavailable"
    assert 0 < int(rejected.headers["Retry-After"]) <= 60


@pytest.mark.parametrize(
    ("one", "other", "used"),
    [
        ("2001:db8::1", "2001:db8::ffff:1", 2),
        ("2001:db8::1", "2001:db8:0:1::1", 1),
        ("192.0.2.1", "192.0.2.2", 1),
        ("::ffff:192.0.2.1", "::ffff:192.0.2.2", 1),
        ("::ffff:c000:201", "192.0.2.1", 2),
        ("64:ff9b::192.0.2.1", "64:ff9b::192.0.2.2", 1),
        ("64:ff9b::c000:201", "::ffff:192.0.2.1", 2),
        ("fe80::1%eth0", "fe80::2", 2),
    ],
)
def test_ipv6_network_and_each_form_of_an_ipv4_address_count_as_one(
    api_settings: Settings, one: str, other: str, used: int
) -> None:
    limiter = RateLimiter(api_settings.model_copy(update={"redis_url": NOWHERE}))
    limiter.check_address(one)
    assert limiter.check_address(other).used == used


def test_officers_count_apart_from_one_another_and_from_their_portal(
    api_settings: Settings,
) -> None:
    """One officer would otherwise use up the tokens of all people of the portal."""
    limiter = RateLimiter(api_settings.model_copy(update={"redis_url": NOWHERE}))
    scopes, kind = GRANTABLE[CallerKind.OFFICER], CallerKind.OFFICER
    one, other = (Caller("portal", kind, scopes, subject=name) for name in ("one", "other"))
    assert [limiter.check(one).used for _ in range(3)] == [1, 2, 3]
    assert limiter.check(other).used == 1
    assert limiter.check_client("portal").used == 1


def test_local_counter_restarts_when_it_has_expired(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0
    monkeypatch.setattr(counters_module, "monotonic", lambda: now)
    counters = LocalCounters()
    assert [counters.increment("a", 60) for _ in range(2)] == [1, 2]
    now = 61.0
    assert [counters.increment(key, 60) for key in ("a", "b", "a")] == [1, 1, 2]


def test_processes_share_counters(api_settings: Settings) -> None:
    url, key = api_settings.redis_url.get_secret_value(), str(uuid4())
    one, two = Counters.open(url), Counters.open(url)
    assert [counters.increment(key, 60) for counters in (one, two, one)] == [1, 2, 3]


def test_process_falls_back_to_local_counters_without_redis_and_logs_it(
    api_settings: Settings, callers: Callers
) -> None:
    without_redis = api_settings.model_copy(update={"redis_url": NOWHERE})
    auth = integrator(callers)
    with (
        capture_logs() as lines,
        limited(without_redis, auth, api_client_requests_per_minute=3) as (client, _),
    ):
        responses = [client.get(WINDOWS).status_code for _ in range(8)]
    assert responses[0] == 200
    assert 429 in responses
    fallback = [line for line in lines if line["event"] == "rate_limiter_local_fallback"]
    assert len(fallback) == 1
    assert "127.0.0.1" not in str(fallback)


@pytest.mark.parametrize(
    ("used", "expected"),
    [(1, None), (5, None), (6, '"school";r=4;t=30'), (12, '"school";r=0;t=30')],
)
def test_remaining_quota_is_sent_once_half_of_the_limit_is_used(
    used: int, expected: str | None
) -> None:
    """Until then, responses to the same request have the same bytes."""
    headers = RateLimitStatus("school", 10, used, 30).to_http_headers()
    assert headers["RateLimit-Policy"] == '"school";q=10;w=60'
    assert headers.get("RateLimit") == expected


def send_stalled_request(url: str, headers: dict[str, str]) -> bytes:
    """Return the response to a request without its body, until the server closes it."""
    address = httpx.URL(url)
    with socket.create_connection((address.host, address.port or 80), timeout=20) as connection:
        lines = [f"{name}: {value}" for name, value in headers.items()]
        head = ["POST /v1/jobs HTTP/1.1", "Host: here", "Content-Length: 100", *lines]
        connection.sendall("\r\n".join([*head, "Content-Type: application/json", "", "{"]).encode())
        response = b""
        while received := connection.recv(65536):
            response += received
    return response


def test_stalled_body_times_out(api_settings: Settings, callers: Callers) -> None:
    token = callers.token(CallerKind.OPERATOR)
    headers = callers.headers(token, "POST", f"{api_settings.public_url}/v1/jobs")
    with serve(BodyLimit(create_app(api_settings), {}, timeout=0.1)) as url:
        response = send_stalled_request(url, headers)
    head, _, body = response.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 408 ")
    assert b"application/problem+json" in head
    assert b"requestTimeout" in body


@pytest.mark.parametrize("page", ["+1", " 1", "1_0", "1.0", "1e1", "٣"])
def test_page_number_accepts_digits_only(school: httpx.Client, page: str) -> None:
    response = school.get("/v1/schools", params={"page": page})
    assert response.status_code == 400
    assert response.json()["issues"][0]["name"] == "page"
