"""Token exchange: a portal exchanges a person's token of the identity provider for one of ours."""

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
from tests.api.conftest import serve
from tests.api.oauth_clients import OAuthClient, register_client
from tests.api.seeding import OTHER, SCHOOL, Seeded
from tests.oauth.provider_process import OpenIdProvider, openid_provider


@pytest.fixture(scope="module")
def provider(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OpenIdProvider]:
    with openid_provider(tmp_path_factory.mktemp("provider")) as provider:
        yield provider


@pytest.fixture(scope="module")
def portal_url(
    api_settings: Settings,
    provider: OpenIdProvider,
    seeded: Seeded,  # noqa: ARG001  # rows to serve
) -> Iterator[str]:
    file = provider.key_file.with_name("provider.json")
    file.write_text(provider.settings().model_dump_json())
    app = create_app(api_settings.model_copy(update={"user_provider_file": file}))
    with serve(app) as url:
        yield url


@pytest.fixture(scope="module")
def portal(portal_url: str, sessions: Sessions) -> OAuthClient:
    return register_client(sessions, portal_url, ClientKind.PORTAL)


def exchange(client: OAuthClient, token: str, **changes: str) -> httpx.Response:
    form = {"subject_token": token, "subject_token_type": ACCESS_TOKEN, "grant_type": GRANT_TYPE}
    return client.request_token(**form | changes)


def token_at_school(provider: OpenIdProvider, school: str = SCHOOL, **changes: Any) -> str:
    return provider.token(
        **{"vo_orgcode": school, "toetsfeedback_rol_3d": [f"Raadpleger:{school}"]} | changes
    )


def test_a_person_gets_a_short_token_with_the_portal_as_actor(
    portal: OAuthClient, provider: OpenIdProvider, portal_url: str
) -> None:
    response = exchange(portal, token_at_school(provider)).json()
    assert response["issued_token_type"] == ACCESS_TOKEN
    assert (response["token_type"], response["expires_in"]) == ("DPoP", 300)
    keys = KeySet.import_key_set(httpx.get(f"{portal_url}/.well-known/jwks.json").json())
    claims = jwt.decode(response["access_token"], keys, algorithms=["ES256"]).claims
    assert (claims["sub"], claims["act"]) == ("a1b2c3", {"sub": portal.id})
    assert (claims["school"], claims["client_id"]) == (SCHOOL, portal.id)
    assert claims["scope"] == "results:read schools:read students:read"
    assert claims["exp"] - claims["iat"] == 300
    assert claims["cnf"] == {"jkt": portal.proofs.thumbprint}


def test_a_person_reads_only_their_own_school(
    portal: OAuthClient, provider: OpenIdProvider
) -> None:
    for school, other in ((SCHOOL, OTHER), (OTHER, SCHOOL)):
        token = exchange(portal, token_at_school(provider, school)).json()["access_token"]
        assert portal.get(f"/v1/schools/{school}", token).status_code == 200
        assert portal.get(f"/v1/schools/{other}", token).status_code == 404


def test_audit_events_have_the_person_for_whom_the_portal_acts(
    portal: OAuthClient, provider: OpenIdProvider
) -> None:
    manager = token_at_school(
        provider, toetsfeedback_rol_3d=[f"Beheerder:{SCHOOL}"], vo_id="d4e5f6"
    )
    token = exchange(portal, manager).json()["access_token"]
    reader_token = exchange(portal, token_at_school(provider)).json()["access_token"]
    newest = portal.get("/v1/auditEvents", token).json()["items"][0]
    assert (newest["action"], newest["callerSubject"]) == ("issueToken", "a1b2c3")
    portal.get(f"/v1/schools/{SCHOOL}/students", reader_token)
    newest = portal.get("/v1/auditEvents", token).json()["items"][0]
    assert (newest["clientId"], newest["callerSubject"]) == (portal.id, "a1b2c3")


def test_a_token_of_the_provider_is_not_an_access_token(
    portal: OAuthClient, provider: OpenIdProvider
) -> None:
    for token in (token_at_school(provider), provider.token("signed")):
        for scheme in ("Bearer", "DPoP"):
            response = portal.send(f"{portal.url}/v1/schools", token, scheme=scheme)
            assert response.status_code == 401


def test_token_has_at_most_the_lifetime_of_the_subject_token_and_the_requested_scope(
    portal: OAuthClient, provider: OpenIdProvider
) -> None:
    token = token_at_school(provider, exp=int(time.time()) + 60)
    response = exchange(portal, token, scope="schools:read").json()
    assert response["expires_in"] <= 60
    assert response["scope"] == "schools:read"


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
def test_an_unsupported_exchange_is_rejected(
    portal: OAuthClient, provider: OpenIdProvider, changes: dict[str, str], status: int, error: str
) -> None:
    response = exchange(portal, token_at_school(provider), **changes)
    assert (response.status_code, response.json()["error"]) == (status, error)


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
def test_a_person_without_a_role_at_the_school_gets_no_token(
    portal: OAuthClient, provider: OpenIdProvider, changes: dict[str, Any]
) -> None:
    response = exchange(portal, token_at_school(provider, **changes))
    assert (response.status_code, response.json()["error"]) == (400, "invalid_request")
    assert "a1b2c3" not in response.text
    assert SCHOOL not in response.text


def test_earlier_token_of_the_provider_gives_no_role_back(
    portal: OAuthClient, provider: OpenIdProvider
) -> None:
    now, person, path = int(time.time()), "g7h8i9", f"/v1/schools/{SCHOOL}"
    earlier = token_at_school(provider, vo_id=person, iat=now - 1800)
    later = token_at_school(provider, vo_id=person, iat=now - 60, toetsfeedback_rol_3d=[])
    without_time = token_at_school(provider, vo_id=person)
    token = exchange(portal, earlier).json()["access_token"]
    assert portal.get(path, token).status_code == 200
    assert exchange(portal, later).status_code == 400
    for repeated in (earlier, without_time):
        assert exchange(portal, repeated).json().get("error") == "invalid_scope"
        assert portal.get(path, token).status_code == 403
    given_back = exchange(portal, token_at_school(provider, vo_id=person, iat=now)).json()
    assert portal.get(path, given_back["access_token"]).status_code == 200
    old = exchange(portal, token_at_school(provider, vo_id=person, iat=now - 90_000)).json()
    assert "sign on again" in old["error_description"]


def test_only_an_authenticated_portal_exchanges_tokens(
    portal: OAuthClient, provider: OpenIdProvider, portal_url: str, sessions: Sessions
) -> None:
    vendor = register_client(sessions, portal_url, ClientKind.INTEGRATOR)
    response = exchange(vendor, token_at_school(provider))
    assert (response.status_code, response.json()["error"]) == (400, "unauthorized_client")
    form = {"subject_token": token_at_school(provider), "subject_token_type": ACCESS_TOKEN}
    unproven = portal.post("/oauth2/token", grant_type=GRANT_TYPE, **form)
    assert (unproven.status_code, unproven.json()["error"]) == (400, "invalid_dpop_proof")
    unsigned = portal.post("/oauth2/token", grant_type=GRANT_TYPE, client_assertion="x", **form)
    assert (unsigned.status_code, unsigned.json()["error"]) == (401, "invalid_client")


def test_an_unavailable_provider_affects_the_exchange_only(
    api_settings: Settings, provider: OpenIdProvider, sessions: Sessions
) -> None:
    file = provider.key_file.with_name("unavailable.json")
    unavailable = provider.settings(
        introspection_url=f"{provider.url}/dripping", timeout_seconds=0.2
    )
    file.write_text(unavailable.model_dump_json())
    app = create_app(api_settings.model_copy(update={"user_provider_file": file}))
    with serve(app) as url:
        response = exchange(
            register_client(sessions, url, ClientKind.PORTAL), token_at_school(provider)
        )
        vendor = register_client(sessions, url, ClientKind.INTEGRATOR)
        assert vendor.get("/v1/schools", vendor.token()).status_code == 200
    assert (response.status_code, response.json()["error"]) == (503, "temporarily_unavailable")


def test_an_exchange_over_the_concurrency_limit_is_rejected_as_unavailable(
    api_settings: Settings, provider: OpenIdProvider, sessions: Sessions
) -> None:
    file = provider.key_file.with_name("provider.json")
    app = create_app(api_settings.model_copy(update={"user_provider_file": file}))
    all_slots_taken = Semaphore(0)
    app.state.resources = replace(app.state.resources, exchanges=all_slots_taken)
    with serve(app) as url:
        response = exchange(
            register_client(sessions, url, ClientKind.PORTAL), token_at_school(provider)
        )
        vendor = register_client(sessions, url, ClientKind.INTEGRATOR)
        assert vendor.get("/v1/schools", vendor.token()).status_code == 200
    assert (response.status_code, response.json()["error"]) == (503, "temporarily_unavailable")


def test_without_a_provider_the_exchange_grant_is_unsupported(url: str, sessions: Sessions) -> None:
    response = exchange(register_client(sessions, url, ClientKind.PORTAL), "x")
    assert (response.status_code, response.json()["error"]) == (400, "unsupported_grant_type")
    metadata = httpx.get(f"{url}/.well-known/oauth-authorization-server").json()
    assert metadata["grant_types_supported"] == ["client_credentials"]
