"""Problem details: the content of error responses, and the data that they never contain."""

import json
import re
import socket
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from fastapi import FastAPI
from joserfc.jwk import ECKey
from pydantic import SecretStr
from sqlalchemy import Engine, text

from services.api.app import create_app
from shared.access.rules import Caller, CallerKind, Scope
from shared.core.settings import Settings
from shared.oauth.signing_keys import SigningKeys
from shared.oauth.tokens import TokenAuthority
from tests.api.conftest import AuditLog, Callers, serve
from tests.api.seeding import SCHOOL

BELGIF = "urn:problem-type:belgif:"
ISSUE = f"{BELGIF}input-validation:"
UNKNOWN_ID = UUID("00000000-0000-4000-8000-000000000000")


def problem(response: httpx.Response) -> dict[str, Any]:
    assert response.headers["Content-Type"] == "application/problem+json"
    body: dict[str, Any] = response.json()
    assert body["status"] == response.status_code
    assert body["instance"] == f"urn:uuid:{response.headers['BelGov-Trace-Id']}"
    return body


def issues(response: httpx.Response) -> list[tuple[str, str, str]]:
    assert response.status_code == 400, response.text
    body = problem(response)
    assert body["type"] == f"{BELGIF}badRequest"
    return [(i["type"].removeprefix(ISSUE), i["in"], i["name"]) for i in body["issues"]]


def test_request_without_a_token_is_unauthorized(unauthenticated: httpx.Client) -> None:
    response = unauthenticated.get(f"/v1/schools/{SCHOOL}/results?nonsense=1")
    assert response.status_code == 401
    assert problem(response)["type"] == f"{BELGIF}noAccessToken"
    assert response.headers["WWW-Authenticate"].startswith(
        'DPoP realm="toetsfeedback", algs="ES256 '
    )


@pytest.mark.parametrize("token", ["nonsense", "a.b.c", "eyJhbGciOiJub25lIn0.e30."])
def test_malformed_token_is_invalid(callers: Callers, token: str) -> None:
    response = callers.client(token).get("/v1/schools")
    assert (response.status_code, problem(response)["type"]) == (401, f"{BELGIF}invalidAccessToken")


def test_token_of_another_issuer_is_invalid(callers: Callers, authority: TokenAuthority) -> None:
    keys = SigningKeys(((date.min, ECKey.generate_key("P-256")),))
    forged = TokenAuthority(keys, authority.issuer, authority.audience)
    token = Callers(callers.url, forged).token(CallerKind.OPERATOR)
    assert callers.client(token).get("/v1/schools").status_code == 401


@pytest.mark.parametrize(
    ("path", "scope"),
    [
        (f"/v1/schools/{SCHOOL}/students", Scope.STUDENTS_READ),
        (f"/v1/schools/{SCHOOL}/results", Scope.RESULTS_READ),
        (f"/v1/schools/{SCHOOL}/documents", Scope.DOCUMENTS_READ),
        (f"/v1/documents/{UNKNOWN_ID}/content", Scope.DOCUMENTS_READ),
    ],
)
def test_operator_reads_no_data_of_students(
    operator: httpx.Client, path: str, scope: Scope
) -> None:
    response = operator.get(path)
    body = problem(response)
    assert (response.status_code, body["type"]) == (403, f"{BELGIF}missingScope")
    assert body["requiredScopes"] == [scope.value]


def test_token_is_limited_to_its_scopes(callers: Callers) -> None:
    client = callers.school(SCHOOL, Scope.SCHOOLS_READ)
    assert client.get("/v1/schools").status_code == 200
    assert client.get(f"/v1/schools/{SCHOOL}/students").status_code == 403
    assert client.post("/v1/jobs", json={}).status_code == 403


def test_scope_is_checked_before_parameters(operator: httpx.Client) -> None:
    assert operator.get("/v1/schools/no-school/students?nonsense=1").status_code == 403


def test_personal_data_in_a_path_is_not_recorded_in_the_audit_log(
    operator: httpx.Client, audit_log: AuditLog
) -> None:
    operator.get("/v1/students/Jan%20Peeters/results")
    assert [entry["resource"] for entry in audit_log.entries()] == [
        "/v1/students/{studentId}/results"
    ]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("nonsense=1", [("unknownInput", "query", "nonsense")]),
        ("page=1&page=2", [("schemaViolation", "query", "page")]),
        ("page_size=3", [("unknownInput", "query", "page_size")]),
        ("pageSize=201", [("schemaViolation", "query", "pageSize")]),
        (
            "page=0&pageSize=x",
            [
                ("schemaViolation", "query", "page"),
                ("schemaViolation", "query", "pageSize"),
            ],
        ),
        ("classGroup=", [("schemaViolation", "query", "classGroup")]),
        ("classGroup=%00", [("schemaViolation", "query", "classGroup")]),
    ],
)
def test_unknown_repeated_or_invalid_parameters_are_rejected(
    school: httpx.Client, query: str, expected: list[tuple[str, str, str]]
) -> None:
    assert issues(school.get(f"/v1/schools/{SCHOOL}/students?{query}")) == expected


def test_problem_lists_a_limited_number_of_issues(
    school: httpx.Client, operator: httpx.Client
) -> None:
    names = [f"x{number}" for number in range(1000)]
    in_query = school.get("/v1/schools?" + "&".join(f"{name}=1" for name in names))
    in_body = operator.post("/v1/jobs", json=dict.fromkeys(names, 1))
    for response, more in ((in_query, 980), (in_body, 982)):
        assert len(issues(response)) == 20
        assert response.json()["detail"].endswith(
            f" It has {more} more issues, which are not listed."
        )


def test_operation_without_parameters_rejects_any(school: httpx.Client) -> None:
    response = school.get(f"/v1/schools/{SCHOOL}?page=1")
    assert issues(response) == [("unknownInput", "query", "page")]


def test_invalid_school_number_is_rejected_without_repeating_it(school: httpx.Client) -> None:
    response = school.get("/v1/schools/12345")
    assert issues(response) == [("schemaViolation", "path", "schoolId")]
    assert response.json()["issues"][0]["detail"] == "Must match ^[0-9]{6}$."
    assert "12345" not in response.text


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (
            {},
            [
                ("schemaViolation", "body", "/kind"),
                ("schemaViolation", "body", "/administrationId"),
            ],
        ),
        (
            {"kind": "documents.build", "administrationId": "2024", "a/b": 1},
            [("unknownInput", "body", "/a~1b")],
        ),
        (
            {"kind": "documents.build", "administration_id": "2024"},
            [
                ("schemaViolation", "body", "/administrationId"),
                ("unknownInput", "body", "/administration_id"),
            ],
        ),
        (
            {"kind": "documents.build", "administrationId": 2024},
            [("schemaViolation", "body", "/administrationId")],
        ),
        (
            {"kind": "documents.build", "administrationId": "2024", "schoolId": None},
            [("schemaViolation", "body", "/schoolId")],
        ),
    ],
)
def test_body_with_unknown_missing_or_mistyped_properties_is_rejected(
    operator: httpx.Client, body: dict[str, Any], expected: list[tuple[str, str, str]]
) -> None:
    assert issues(operator.post("/v1/jobs", json=body)) == expected


@pytest.mark.parametrize("content", [b"{", b"\xff", b"[" * 60_000, b""])
def test_unreadable_body_is_a_bad_request(operator: httpx.Client, content: bytes) -> None:
    headers = {"Content-Type": "application/json"}
    response = operator.post("/v1/jobs", content=content, headers=headers)
    assert response.status_code == 400
    problem(response)


def test_unsupported_media_type_is_rejected(operator: httpx.Client) -> None:
    response = operator.post("/v1/jobs", content=b"<x/>", headers={"Content-Type": "text/xml"})
    assert response.status_code == 415
    assert problem(response)["type"].endswith(":unsupportedMediaType")


def test_too_large_body_is_rejected(operator: httpx.Client) -> None:
    declared = operator.post("/v1/jobs", json={"kind": "x" * 70_000})
    streamed = operator.post(
        "/v1/jobs",
        content=(b"x" * 1000 for _ in range(80)),
        headers={"Content-Type": "application/json"},
    )
    for response in (declared, streamed):
        assert response.status_code == 413
        assert problem(response)["type"] == f"{BELGIF}payloadTooLarge"


def test_malformed_http_is_answered_with_a_problem(url: str) -> None:
    address = httpx.URL(url)
    with socket.create_connection((address.host, address.port or 80), timeout=20) as connection:
        connection.sendall(b"GET /v1/schools HTTP/1.1\r\nno header\r\n\r\n")
        received = b"".join(iter(lambda: connection.recv(65536), b""))
    head, _, body = received.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 400 ")
    assert b"application/problem+json" in head
    trace_id = re.search(rb"belgov-trace-id: ([-0-9a-f]{36})", head, re.IGNORECASE)
    assert trace_id
    assert json.loads(body)["instance"] == f"urn:uuid:{trace_id[1].decode()}"


@pytest.mark.parametrize("path", ["/nothing", "/v1/nothing", "/v1/schools/", "/v2/schools"])
def test_unknown_path_is_not_found_and_not_redirected(school: httpx.Client, path: str) -> None:
    response = school.get(path)
    assert (response.status_code, problem(response)["type"]) == (404, f"{BELGIF}resourceNotFound")


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("DELETE", "/v1/jobs", "GET, POST"),
        ("PUT", f"/v1/releaseWindows/{UNKNOWN_ID}", "DELETE, GET, PATCH"),
        ("POST", f"/v1/documents/{UNKNOWN_ID}/content", "GET, HEAD"),
        ("BREW", "/health", "GET"),
    ],
)
def test_unsupported_method_is_answered_with_the_allowed_ones(
    school: httpx.Client, method: str, path: str, allowed: str
) -> None:
    response = school.request(method, path)
    assert response.status_code == 405
    assert response.headers["Allow"] == allowed
    problem(response)


def test_each_response_has_its_own_trace_id(school: httpx.Client) -> None:
    trace_id = str(uuid4())
    response = school.get("/v1/schools", headers={"BelGov-Trace-Id": trace_id})
    assert response.headers["BelGov-Related-Trace-Id"] == trace_id
    assert UUID(response.headers["BelGov-Trace-Id"]) != UUID(trace_id)
    invalid = school.get("/v1/schools", headers={"BelGov-Trace-Id": "Jan Peeters"})
    assert "BelGov-Related-Trace-Id" not in invalid.headers


@pytest.mark.parametrize("path", ["/v1/schools", "/v1/nothing", "/health"])
def test_responses_have_security_headers_and_are_not_cacheable(
    school: httpx.Client, path: str
) -> None:
    response = school.get(path)
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert "frame-ancestors 'none'" in response.headers["Content-Security-Policy"]
    assert response.headers["Cache-Control"] in {"no-store", "no-cache"}
    assert path == "/health" or response.headers["Cache-Control"] == "no-store"


@pytest.fixture
def without_servers(api_settings: Settings) -> FastAPI:
    """Return an API that cannot reach its servers."""
    unreachable = {
        "database_url": SecretStr("postgresql://nobody@127.0.0.1:1/nothing"),
        "redis_url": SecretStr("redis://127.0.0.1:1/0"),
    }
    return create_app(api_settings.model_copy(update=unreachable))


def test_service_is_unavailable_without_a_database(
    without_servers: FastAPI, callers: Callers
) -> None:
    auth = callers.auth(callers.token(CallerKind.SCHOOL, SCHOOL))
    with serve(without_servers) as url, httpx.Client(base_url=url) as client:
        response = client.get("/v1/schools", auth=auth)
        health = client.get("/health")
    assert response.status_code == 503
    assert problem(response)["type"] == f"{BELGIF}serviceUnavailable"
    assert int(response.headers["Retry-After"]) > 0
    assert (health.status_code, health.json()) == (503, {"status": "DOWN"})


@pytest.fixture
def read_only(engine: Engine, api_settings: Settings) -> Iterator[FastAPI]:
    """Return an API with a read-only database, as after a failover to a standby."""
    alter = f"alter database {engine.url.database}"
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text(f"{alter} set default_transaction_read_only = on"))
        yield create_app(api_settings)
        connection.execute(text(f"{alter} reset default_transaction_read_only"))


def test_service_is_unavailable_with_a_read_only_database(
    read_only: FastAPI, callers: Callers
) -> None:
    """Neither the proof nor an audit event can be stored."""
    auth = callers.auth(callers.token(CallerKind.SCHOOL, SCHOOL))
    with serve(read_only) as url, httpx.Client(base_url=url) as client:
        response = client.get(f"/v1/schools/{SCHOOL}/students", auth=auth)
    assert response.status_code == 503
    assert problem(response)["type"] == f"{BELGIF}serviceUnavailable"


def test_unexpected_error_reveals_nothing(
    api_settings: Settings, capfd: pytest.CaptureFixture[str]
) -> None:
    app = create_app(api_settings)

    @app.get("/v1/broken")
    def fail() -> None:
        raise RuntimeError("Jan Peeters, 85073003328")

    with serve(app) as url, httpx.Client(base_url=url) as client:
        response = client.get("/v1/broken?name=Peeters")
    assert response.status_code == 500
    assert problem(response)["type"] == f"{BELGIF}internalServerError"
    assert response.headers["Cache-Control"] == "no-store"
    logged = capfd.readouterr()
    assert "RuntimeError" in logged.out
    assert not re.search("Peeters|85073003328", response.text + logged.out + logged.err)


def test_api_cannot_start_without_its_signing_key(api_settings: Settings, tmp_path: Path) -> None:
    without_key = api_settings.model_copy(update={"signing_keys": tmp_path / "lost.pem"})
    with pytest.raises(Exception, match=r"lost\.pem cannot be read"):
        create_app(without_key)


def test_caller_cannot_have_a_scope_of_another_kind() -> None:
    with pytest.raises(ValueError, match="operator callers cannot have results:read"):
        Caller("x", CallerKind.OPERATOR, frozenset({Scope.RESULTS_READ}))
