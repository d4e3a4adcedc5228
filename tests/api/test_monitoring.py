from typing import Any

import httpx
import structlog
from pydantic import SecretStr
from structlog.testing import capture_logs

from services.api.app import create_app
from shared.access.rules import CallerKind, Scope
from shared.core.settings import Settings
from tests.api.conftest import Callers, serving
from tests.api.seeding import SCHOOL


def test_health_is_up_for_anyone_and_tells_nothing_else(nobody: httpx.Client) -> None:
    answer = nobody.get("/health")
    assert (answer.status_code, answer.json()) == (200, {"status": "UP"})


def test_without_a_queue_health_is_degraded_and_reading_goes_on(api_settings: Settings) -> None:
    lost = api_settings.model_copy(update={"redis_url": SecretStr("redis://127.0.0.1:1/0")})
    with serving(create_app(lost)) as url:
        answer = httpx.get(f"{url}/health")
    assert (answer.status_code, answer.json()) == (200, {"status": "DEGRADED"})


def test_without_room_in_the_store_health_is_degraded(api_settings: Settings) -> None:
    # The system's own information is kept where there is no room for anything.
    full = api_settings.model_copy(update={"storage_url": "file:///proc"})
    with serving(create_app(full)) as url:
        answer = httpx.get(f"{url}/health")
    assert (answer.status_code, answer.json()) == (200, {"status": "DEGRADED"})


def test_metrics_count_by_route_template(api_settings: Settings, callers: Callers) -> None:
    app = create_app(api_settings)
    with serving(app) as url, httpx.Client(base_url=url) as client:
        client.auth = callers.auth(callers.token(CallerKind.SCHOOL, SCHOOL, Scope.SCHOOLS_READ))
        client.get(f"/v1/schools/{SCHOOL}")
        client.get("/some/Jan-Peeters")
        client.request("BREW", "/health")
        served = client.get("/metrics")
    assert served.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    text = app.state.metrics.exposition().decode()
    for labels in (
        'method="GET",route="/v1/schools/{schoolId}",status="200"',
        'method="GET",route="unmatched",status="404"',
        'method="other",route="/health",status="405"',
        'method="GET",route="/metrics",status="200"',
    ):
        assert f"toetsfeedback_http_requests_total{{{labels}}} 1.0" in text
    assert "toetsfeedback_http_request_seconds_bucket" in text
    assert SCHOOL not in text
    assert "Peeters" not in text


def lines_of(
    api_settings: Settings, auth: httpx.Auth, path: str
) -> tuple[httpx.Response, list[Any]]:
    """What one request leaves in the log, once the server has ended.

    The line of an earlier one may come only now, since it is written after the answer.
    """
    with (
        capture_logs(processors=[structlog.contextvars.merge_contextvars]) as lines,
        serving(create_app(api_settings)) as url,
    ):
        answer = httpx.get(url + path, auth=auth)
    own = answer.headers["BelGov-Trace-Id"]
    return answer, [line for line in lines if line.get("trace_id") == own]


def test_each_request_is_one_line_without_path_or_query(
    api_settings: Settings, callers: Callers
) -> None:
    school = callers.school()
    school.get("/v1/schools")  # which learns the nonce that proofs need
    auth = callers.auth(callers.token(CallerKind.SCHOOL, SCHOOL))
    path = f"/v1/schools/{SCHOOL}/students?classGroup=4A"
    answer, (line,) = lines_of(api_settings, auth, path)
    assert isinstance(line.pop("ms"), float)
    assert type(line["status"]) is int  # an HTTPStatus equals 200, but is logged as its repr
    assert line == {
        "event": "request",
        "log_level": "info",
        "method": "GET",
        "route": "/v1/schools/{schoolId}/students",
        "status": 200,
        "client": "a school",
        "trace_id": answer.headers["BelGov-Trace-Id"],
    }
