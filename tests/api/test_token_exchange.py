"""People at schools: a portal exchanges their token of the outside provider for one of ours."""

import time
from asyncio import Semaphore
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import KeySet

from services.api.app import create_app
from shared.core.database import Sessions
from shared.core.settings import Settings
from shared.oauth.clients.rules import ClientKind
from shared.oauth.token_exchange import ACCESS_TOKEN, GRANT_TYPE
from tests.api.conftest import serving
from tests.api.oauth_clients import OAuthClient, registered
from tests.api.seeding import OTHER, SCHOOL, Seeded
from tests.oauth.provider_process import OpenIdProvider, openid_provider


@pytest.fixture(scope="module")
def outside(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OpenIdProvider]:
    with openid_provider(tmp_path_factory.mktemp("provider")) as provider:
        yield provider


@pytest.fixture(scope="module")
def portal_url(
    api_settings: Settings,
    outside: OpenIdProvider,
    seeded: Seeded,  # noqa: ARG001  # rows to serve
) -> Iterator[str]:
    file = outside.key_file.with_name("provider.json")
    file.write_text(outside.settings().model_dump_json())
    app = create_app(api_settings.model_copy(update={"user_provider_file": file}))
    with serving(app) as url:
        yield url


@pytest.fixture(scope="module")
def portal(portal_url: str, sessions: Sessions) -> OAuthClient:
    return registered(sessions, portal_url, ClientKind.PORTAL)


def exchange(client: OAuthClient, token: str, **changes: str) -> httpx.Response:
    form = {"subject_token": token, "subject_token_type": ACCESS_TOKEN, "grant_type": GRANT_TYPE}
    return client.ask(**form | changes)


def at_school(outside: OpenIdProvider, school: str = SCHOOL, **changes: Any) -> str:
    return outside.token(
        **{"vo_orgcode": school, "toetsfeedback_rol_3d": [f"Raadpleger:{school}"]} | changes
    )


def test_a_person_gets_a_short_token_of_ours_that_says_who_acts(
    portal: OAuthClient, outside: OpenIdProvider, portal_url: str
) -> None:
    answer = exchange(portal, at_school(outside)).json()
    assert answer["issued_token_type"] == ACCESS_TOKEN
    assert (answer["token_type"], answer["expires_in"]) == ("DPoP", 300)
    keys = KeySet.import_key_set(httpx.get(f"{portal_url}/.well-known/jwks.json").json())
    claims = jwt.decode(answer["access_token"], keys, algorithms=["ES256"]).claims
    assert (claims["sub"], claims["act"]) == ("a1b2c3", {"sub": portal.id})
    assert (claims["school"], claims["client_id"]) == (SCHOOL, portal.id)
    assert claims["scope"] == "results:read schools:read students:read"
    assert claims["exp"] - claims["iat"] == 300
    assert claims["cnf"] == {"jkt": portal.proofs.thumbprint}


def test_a_person_sees_the_own_school_and_no_other(
    portal: OAuthClient, outside: OpenIdProvider
) -> None:
    for school, other in ((SCHOOL, OTHER), (OTHER, SCHOOL)):
        token = exchange(portal, at_school(outside, school)).json()["access_token"]
        assert portal.get(f"/v1/schools/{school}", token).status_code == 200
        assert portal.get(f"/v1/schools/{other}", token).status_code == 404


def test_the_trail_of_the_school_says_for_whom_the_portal_asked(
    portal: OAuthClient, outside: OpenIdProvider
) -> None:
    manager = at_school(outside, toetsfeedback_rol_3d=[f"Beheerder:{SCHOOL}"], vo_id="d4e5f6")
    token = exchange(portal, manager).json()["access_token"]
    reader = exchange(portal, at_school(outside)).json()["access_token"]
    portal.get(f"/v1/schools/{SCHOOL}/students", reader)
    newest = portal.get("/v1/auditEvents", token).json()["items"][0]
    assert (newest["clientId"], newest["callerSubject"]) == (portal.id, "a1b2c3")


def test_a_persons_token_alone_opens_nothing(portal: OAuthClient, outside: OpenIdProvider) -> None:
    for token in (at_school(outside), outside.token("signed")):
        for scheme in ("Bearer", "DPoP"):
            answer = portal.send(f"{portal.url}/v1/schools", token, scheme=scheme)
            assert answer.status_code == 401


def test_ours_holds_no_longer_than_theirs_and_no_more_than_is_asked_for(
    portal: OAuthClient, outside: OpenIdProvider
) -> None:
    token = at_school(outside, exp=int(time.time()) + 60)
    answer = exchange(portal, token, scope="schools:read").json()
    assert answer["expires_in"] <= 60
    assert answer["scope"] == "schools:read"


@pytest.mark.parametrize(
    ("changes", "status", "error"),
    [
        ({"subject_token": "made up"}, 400, "invalid_request"),
        ({"subject_token": ""}, 400, "invalid_request"),
        ({"subject_token_type": "urn:ietf:params:oauth:token-type:jwt"}, 400, "invalid_request"),
        ({"requested_token_type": "urn:x"}, 400, "invalid_request"),
        ({"actor_token": "x"}, 400, "invalid_request"),
        ({"audience": "urn:else"}, 400, "invalid_target"),
        ({"resource": "https://else.example"}, 400, "invalid_target"),
        ({"scope": "mandates:write"}, 400, "invalid_scope"),
        ({"grant_type": "client_credentials"}, 400, "unauthorized_client"),
    ],
)
def test_what_is_not_an_exchange_of_one_token_for_one_is_refused(
    portal: OAuthClient, outside: OpenIdProvider, changes: dict[str, str], status: int, error: str
) -> None:
    answer = exchange(portal, at_school(outside), **changes)
    assert (answer.status_code, answer.json()["error"]) == (status, error)


@pytest.mark.parametrize(
    "changes",
    [
        {"vo_doelgroepcode": "BUR"},
        {"toetsfeedback_rol_3d": [f"Raadpleger:{OTHER}"]},
        {"exp": 1},
        {"exp": 1e300},
        {"exp": [1e10]},
        {"vo_doelgroepcode": ["OV"]},
        {"vo_orgcode": [SCHOOL]},
        {"toetsfeedback_rol_3d": [[f"Raadpleger:{SCHOOL}"]]},
        {"nonce": "of an ID token"},
        {"aud": "another-portal"},
    ],
)
def test_a_person_without_a_role_at_the_school_gets_nothing(
    portal: OAuthClient, outside: OpenIdProvider, changes: dict[str, Any]
) -> None:
    answer = exchange(portal, at_school(outside, **changes))
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")
    assert "a1b2c3" not in answer.text
    assert SCHOOL not in answer.text


def test_only_a_portal_with_its_key_exchanges(
    portal: OAuthClient, outside: OpenIdProvider, portal_url: str, sessions: Sessions
) -> None:
    vendor = registered(sessions, portal_url, ClientKind.INTEGRATOR)
    answer = exchange(vendor, at_school(outside))
    assert (answer.status_code, answer.json()["error"]) == (400, "unauthorized_client")
    form = {"subject_token": at_school(outside), "subject_token_type": ACCESS_TOKEN}
    unproven = portal.post("/oauth2/token", grant_type=GRANT_TYPE, **form)
    assert (unproven.status_code, unproven.json()["error"]) == (400, "invalid_dpop_proof")
    unsigned = portal.post("/oauth2/token", grant_type=GRANT_TYPE, client_assertion="x", **form)
    assert (unsigned.status_code, unsigned.json()["error"]) == (401, "invalid_client")


def test_while_the_provider_is_away_nobody_signs_on_and_all_else_goes_on(
    api_settings: Settings, outside: OpenIdProvider, sessions: Sessions
) -> None:
    file = outside.key_file.with_name("away.json")
    away = outside.settings(introspection_url=f"{outside.url}/dripping", timeout_seconds=0.2)
    file.write_text(away.model_dump_json())
    app = create_app(api_settings.model_copy(update={"user_provider_file": file}))
    with serving(app) as url:
        answer = exchange(registered(sessions, url, ClientKind.PORTAL), at_school(outside))
        vendor = registered(sessions, url, ClientKind.INTEGRATOR)
        assert vendor.get("/v1/schools", vendor.token()).status_code == 200
    assert (answer.status_code, answer.json()["error"]) == (503, "temporarily_unavailable")


def test_who_would_wait_too_long_for_a_slow_provider_is_told_to_come_back(
    api_settings: Settings, outside: OpenIdProvider, sessions: Sessions
) -> None:
    file = outside.key_file.with_name("provider.json")
    app = create_app(api_settings.model_copy(update={"user_provider_file": file}))
    app.state.resources = replace(
        app.state.resources, exchanges=Semaphore(0)
    )  # others have every turn
    with serving(app) as url:
        answer = exchange(registered(sessions, url, ClientKind.PORTAL), at_school(outside))
        vendor = registered(sessions, url, ClientKind.INTEGRATOR)
        assert vendor.get("/v1/schools", vendor.token()).status_code == 200
    assert (answer.status_code, answer.json()["error"]) == (503, "temporarily_unavailable")


def test_without_a_provider_there_is_no_exchange(url: str, sessions: Sessions) -> None:
    answer = exchange(registered(sessions, url, ClientKind.PORTAL), "x")
    assert (answer.status_code, answer.json()["error"]) == (400, "unsupported_grant_type")
    metadata = httpx.get(f"{url}/.well-known/oauth-authorization-server").json()
    assert metadata["grant_types_supported"] == ["client_credentials"]
