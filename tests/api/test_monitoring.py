from typing import Any

import httpx
import pytest
import structlog
from fastapi import FastAPI
from prometheus_client import generate_latest
from pydantic import SecretStr
from structlog.testing import capture_logs

from embedded.ports import LOOPBACK, choose_port
from services.api.app import create_app
from services.api.http.metrics import serve_metrics
from shared.access.rules import CallerKind, Scope
from shared.core.errors import ConfigurationError
from shared.core.settings import Settings
from tests.api.conftest import Callers, serve
from tests.api.seeding import SCHOOL


def test_health_names_its_parts_without_a_token_and_has_no_other_data(
    unauthenticated: httpx.Client,
) -> None:
    response = unauthenticated.get("/health")
    health = response.json()
    assert (response.status_code, health["status"]) == (200, "UP")
    assert set(health) == {"status", "details"}
    assert set(health["details"]) == {"database", "queue", "objectStore", "jobs"}
    for part in health["details"].values():
        assert part == {"status": "UP", "ageSeconds": part["ageSeconds"]}
        assert 0 <= part["ageSeconds"] < 30


def test_health_is_degraded_without_a_queue(api_settings: Settings) -> None:
    without_queue = api_settings.model_copy(
        update={"redis_url": SecretStr("redis://127.0.0.1:1/0")}
    )
    with serve(create_app(without_queue)) as url:
        response = httpx.get(f"{url}/health")
    assert (response.status_code, response.json()["status"]) == (200, "DEGRADED")
    queue = response.json()["details"]["queue"]
    assert (queue["status"], queue["reason"]) == ("DOWN", "unreachable")


def test_health_is_degraded_with_a_full_store(api_settings: Settings) -> None:
    # The file system /proc has no space for files.
    full = api_settings.model_copy(update={"storage_url": "file:///proc"})
    with serve(create_app(full)) as url:
        response = httpx.get(f"{url}/health")
    assert (response.status_code, response.json()["status"]) == (200, "DEGRADED")
    store = response.json()["details"]["objectStore"]
    assert (store["status"], store["reason"]) == ("DOWN", "no space left on device")


def test_liveness_asks_no_server_and_readiness_the_database(api_settings: Settings) -> None:
    away = SecretStr("postgresql://nobody@127.0.0.1:1/nothing")
    redis_away = {"redis_url": SecretStr("redis://127.0.0.1:1/0")}
    answers = []
    for unreachable in ({}, redis_away, {"database_url": away}):
        app = create_app(api_settings.model_copy(update=unreachable))
        with serve(app) as url:
            for check in ("live", "ready"):
                response = httpx.get(f"{url}/health/{check}")
                answers.append((check, response.status_code, response.json()["status"]))
    up = [("live", 200, "UP"), ("ready", 200, "UP")]
    assert answers == [*up, *up, ("live", 200, "UP"), ("ready", 503, "DOWN")]


def test_metrics_count_by_route_template(api_settings: Settings, callers: Callers) -> None:
    app = create_app(api_settings)
    with serve(app) as url, httpx.Client(base_url=url) as client:
        client.auth = callers.auth(callers.token(CallerKind.SCHOOL, SCHOOL, Scope.SCHOOLS_READ))
        client.get(f"/v1/schools/{SCHOOL}")
        client.get("/some/Jan-Peeters")
        client.request("BREW", "/health")
    text = generate_latest(app.state.metrics.registry).decode()
    for labels in (
        'method="GET",route="/v1/schools/{schoolId}",status="200"',
        'method="GET",route="unmatched",status="404"',
        'method="other",route="/health",status="405"',
    ):
        assert f"toetsfeedback_http_requests_total{{{labels}}} 1.0" in text
    assert "toetsfeedback_http_request_seconds_bucket" in text
    assert SCHOOL not in text
    assert "Peeters" not in text


def test_metrics_are_served_on_their_own_address_only(
    app: FastAPI, unauthenticated: httpx.Client
) -> None:
    assert unauthenticated.get("/metrics").status_code == 404
    port = choose_port()
    with serve_metrics(app.state.metrics, LOOPBACK, port):
        served = httpx.get(f"http://{LOOPBACK}:{port}/metrics")
        with pytest.raises(ConfigurationError, match="API_METRICS_PORT"):
            serve_metrics(app.state.metrics, LOOPBACK, port).__enter__()
    assert served.headers["Content-Type"].startswith("text/plain")
    assert 'route="unmatched",status="404"' in served.text
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"http://{LOOPBACK}:{port}/metrics")


def request_and_log_lines(
    api_settings: Settings, auth: httpx.Auth, path: str
) -> tuple[httpx.Response, list[Any]]:
    """Send one request, and return its response and its log lines.

    A line is written after the response, so the server ends first, and an earlier request may
    have lines here too.
    """
    with (
        capture_logs(processors=[structlog.contextvars.merge_contextvars]) as lines,
        serve(create_app(api_settings)) as url,
    ):
        response = httpx.get(url + path, auth=auth)
    trace_id = response.headers["BelGov-Trace-Id"]
    return response, [line for line in lines if line.get("trace_id") == trace_id]


def test_each_request_is_logged_in_one_line_without_path_or_query(
    api_settings: Settings, callers: Callers
) -> None:
    school = callers.school()
    school.get("/v1/schools")  # the client learns the nonce for its proofs
    auth = callers.auth(callers.token(CallerKind.SCHOOL, SCHOOL))
    path = f"/v1/schools/{SCHOOL}/students?classGroup=4A"
    response, (line,) = request_and_log_lines(api_settings, auth, path)
    assert isinstance(line.pop("ms"), float)
    assert type(line["status"]) is int  # an HTTPStatus equals 200, but is logged as its repr
    assert line == {
        "event": "request",
        "log_level": "info",
        "method": "GET",
        "route": "/v1/schools/{schoolId}/students",
        "status": 200,
        "client": "a school",
        "trace_id": response.headers["BelGov-Trace-Id"],
    }
