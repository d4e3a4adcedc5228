"""Problem details: the content of error responses, and the data that they never contain."""

import json
import re
import socket
from datetime import date
from uuid import UUID, uuid4

import httpx
import pytest
from joserfc.jwk import ECKey

from shared.access.rules import Caller, CallerKind, Scope
from shared.oauth.signing_keys import SigningKeys
from shared.oauth.tokens import TokenAuthority
from tests.api.conftest import AuditLog, Callers
from tests.api.problem_details import BELGIF, problem
from tests.api.seeding import SCHOOL

UNKNOWN_ID = UUID("00000000-0000-4000-8000-000000000000")


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
    ("path", "scopes"),
    [
        (f"/v1/schools/{SCHOOL}/students", [Scope.STUDENTS_READ]),
        (f"/v1/schools/{SCHOOL}/results", [Scope.RESULTS_READ]),
        (f"/v1/schools/{SCHOOL}/documents", [Scope.DOCUMENTS_READ, Scope.FEEDBACK_READ]),
        (f"/v1/documents/{UNKNOWN_ID}/content", [Scope.DOCUMENTS_READ, Scope.FEEDBACK_READ]),
    ],
)
def test_operator_reads_no_data_of_students(
    operator: httpx.Client, path: str, scopes: list[Scope]
) -> None:
    response = operator.get(path)
    body = problem(response)
    assert (response.status_code, body["type"]) == (403, f"{BELGIF}missingScope")
    assert body["requiredScopes"] == scopes


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
        ("DELETE", "/v1/jobs", "GET, HEAD, POST"),
        ("PUT", f"/v1/releaseWindows/{UNKNOWN_ID}", "GET, HEAD"),
        ("POST", f"/v1/documents/{UNKNOWN_ID}/content", "GET, HEAD"),
        ("BREW", "/health", "GET, HEAD"),
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


def test_caller_cannot_have_a_scope_of_another_kind() -> None:
    with pytest.raises(ValueError, match="operator callers cannot have results:read"):
        Caller("x", CallerKind.OPERATOR, frozenset({Scope.RESULTS_READ}))
