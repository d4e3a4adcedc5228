"""Headers of responses: those of errors by their status, and all of them in the contract."""

import asyncio
from typing import Any
from uuid import uuid4

import httpx
import pytest
import yaml
from fastapi import FastAPI
from pydantic import SecretStr
from starlette.responses import Response

from services.api.app import create_app
from services.api.http.metrics import RequestMetrics
from services.api.http.middleware import HEALTH_PATHS, RequestLogging
from services.api.openapi import openapi_yaml
from shared.access.rules import GRANTABLE, Caller, CallerKind
from shared.core.settings import Settings
from tests.api.conftest import Callers, serve
from tests.api.declared_headers import undeclared_headers
from tests.api.oauth_clients import HTTP
from tests.api.seeding import ADMINISTRATION, SCHOOL, Seeded
from tests.operations import Operation, operations_of

WITHOUT_DATABASE = {
    "database_url": SecretStr("postgresql://nobody@127.0.0.1:1/nothing"),
    "redis_url": SecretStr("redis://127.0.0.1:1/0"),
}


@pytest.fixture(scope="module")
def ids(seeded: Seeded) -> dict[str, str]:
    unknown = (
        "clientId",
        "changeId",
        "mandateId",
        "windowId",
        "openingId",
        "recallId",
        "registrationId",
        "slotId",
        "dutyId",
        "successionId",
        "declarationId",
        "handOverId",
        "kid",
        "secret",
        "keyId",
    )
    return dict.fromkeys(unknown, str(uuid4())) | {
        "administrationId": ADMINISTRATION,
        "asset_name": "swagger-ui.css",
        "component": "SO2A-LEZ",
        "day": "2030-01-01",
        "manifestHash": "0" * 64,
        "planVersion": "0" * 64,
        "deliveryId": str(seeded.delivery),
        "documentId": str(seeded.documents["fiche"]),
        "jobId": str(seeded.job),
        "language": "fr",
        "name": f"client {uuid4()}",
        "schoolId": SCHOOL,
        "studentId": str(seeded.students["first"]),
    }


def vendor(callers: Callers) -> httpx.Auth:
    """Return the authentication of an integrator with a rate limit of its own."""
    kind = CallerKind.INTEGRATOR
    return callers.auth(callers.issue(Caller(f"vendor {uuid4()}", kind, GRANTABLE[kind])))


def responses_of(
    app: FastAPI, ids: dict[str, str], *auths: httpx.Auth | None
) -> list[tuple[Operation, httpx.Response]]:
    """Send a request for every operation, with each authentication; streams are not read."""
    found = []
    with serve(app) as url, httpx.Client(base_url=url, timeout=30) as client:
        for operation in operations_of(app).values():
            for auth in auths:
                request = client.build_request(**operation.request(ids))
                response = client.send(request, auth=auth, stream=True)
                found.append((operation, response))
                response.close()
    return found


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize("own", [None, "17"])
def test_any_response_with_this_status_has_retry_after(status: int, own: str | None) -> None:
    headers = {} if own is None else {"Retry-After": own}
    app = RequestLogging(Response(status_code=status, headers=headers), RequestMetrics())
    transport = httpx.ASGITransport(app)

    async def send() -> httpx.Response:
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
            return await client.get("/oauth2/token")

    assert asyncio.run(send()).headers.get_list("Retry-After") == [own or "5"]


def test_every_operation_says_when_to_try_again_without_a_database(
    api_settings: Settings, callers: Callers, ids: dict[str, str]
) -> None:
    app = create_app(api_settings.model_copy(update=WITHOUT_DATABASE))
    auths = vendor(callers), callers.auth(callers.token(CallerKind.OPERATOR))
    unavailable = [
        (operation, response)
        for operation, response in responses_of(app, ids, *auths)
        if response.status_code == 503
    ]
    assert [
        one.name for one, response in unavailable if "Retry-After" not in response.headers
    ] == []
    names = {operation.name for operation, _ in unavailable}
    assert names >= {"listSchools", "createJob", "checkReadiness", "checkHealth"}
    assert len(names) > 30


def test_every_operation_says_when_to_try_again_over_a_limit(
    api_settings: Settings, callers: Callers, ids: dict[str, str]
) -> None:
    limits = {"api_client_requests_per_minute": 1, "api_address_requests_per_minute": 1}
    app = create_app(api_settings.model_copy(update=limits))
    limited = [
        (operation, response)
        for operation, response in responses_of(app, ids, vendor(callers), None)
        if response.status_code == 429
    ]
    assert [one.name for one, response in limited if "Retry-After" not in response.headers] == []
    assert {one.name for one, _ in limited} >= {"getStudent", "createJob", "issueToken"}
    assert not HEALTH_PATHS & {operation.path for operation, _ in limited}


@pytest.mark.usefixtures("open_now", "no_jobs", "no_windows")
def test_every_header_is_in_the_contract(
    api_settings: Settings, callers: Callers, ids: dict[str, str]
) -> None:
    limits = {"api_client_requests_per_minute": 600, "api_school_requests_per_minute": 600}
    app = create_app(api_settings.model_copy(update=limits))
    school = callers.auth(callers.token(CallerKind.SCHOOL, SCHOOL))
    found = responses_of(app, ids, school, callers.auth(callers.token(CallerKind.OPERATOR)), None)
    document = yaml.safe_load(openapi_yaml(app))
    sent: set[str] = set()
    for operation, response in found:
        if operation.path in document["paths"]:
            names = set(response.headers)
            status = response.status_code
            missing = undeclared_headers(document, operation.method, operation.path, status, names)
            assert not missing, (operation.name, status)
            sent |= names
    assert sent >= {
        *("belgov-trace-id", "dpop-nonce", "etag", "location", "ratelimit-policy"),
        *("accept-ranges", "content-disposition", "www-authenticate"),
    }


def test_what_is_left_of_a_limit_is_in_the_contract(
    api_settings: Settings, callers: Callers
) -> None:
    """With one request a minute, the first one is the last, at which the header is sent."""
    limits = {"api_client_requests_per_minute": 1, "api_school_requests_per_minute": 1}
    app = create_app(api_settings.model_copy(update=limits))
    auth = callers.auth(callers.token(CallerKind.SCHOOL, SCHOOL))
    with serve(app) as url, httpx.Client(base_url=url) as client:
        response = client.get("/v1/schools", auth=auth)
    document, path = yaml.safe_load(openapi_yaml(app)), "/v1/schools"
    assert "ratelimit" in response.headers
    assert not undeclared_headers(document, "GET", path, response.status_code, response.headers)


@pytest.mark.usefixtures("open_now")
def test_headers_of_conditional_and_partial_downloads_are_in_the_contract(
    app: FastAPI, school: httpx.Client, ids: dict[str, str]
) -> None:
    document: dict[str, Any] = yaml.safe_load(openapi_yaml(app))
    template = "/v1/documents/{documentId}/content"
    path = template.format_map(ids)
    tag = school.head(path).headers["ETag"]
    statuses = {}
    for headers in (
        {"Range": "bytes=0-3"},
        {"Range": "bytes=99999999-"},
        {"If-None-Match": tag},
        {"BelGov-Trace-Id": str(uuid4())},
    ):
        response = school.get(path, headers=headers)
        names = response.headers
        assert not undeclared_headers(document, "get", template, response.status_code, names)
        statuses[response.status_code] = set(names)
    assert statuses.keys() == {200, 206, 304, 416}
    assert "content-range" in statuses[206] & statuses[416]
    assert "belgov-related-trace-id" in statuses[200]


@pytest.mark.parametrize("path", ["token", "introspect", "revoke", "keys", "keys/remove"])
def test_client_with_another_scheme_is_challenged(url: str, path: str) -> None:
    """RFC 6749, section 5.2: with the scheme that the client used."""
    form = {"grant_type": "client_credentials"}
    refused = HTTP.post(f"{url}/oauth2/{path}", data=form, auth=("client", "secret"))
    assert (refused.status_code, refused.json()["error"]) == (401, "invalid_client")
    assert refused.headers["WWW-Authenticate"] == 'Basic realm="toetsfeedback"'
    forged = {"Authorization": 'Basic"x, y=1 secret'}
    assert (
        "WWW-Authenticate"
        not in HTTP.post(f"{url}/oauth2/{path}", data=form, headers=forged).headers
    )
