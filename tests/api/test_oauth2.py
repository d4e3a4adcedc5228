"""The authorization server, asked as the standards say."""

import time
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import httpx
import pytest
from authlib.integrations.requests_client import OAuth2Session
from authlib.oauth2.rfc7523 import PrivateKeyJWT
from authlib.oauth2.rfc8414 import AuthorizationServerMetadata
from joserfc import jwt
from joserfc.jwk import KeySet

from services.cli.signing import ProofKey
from shared.core.database import Sessions
from shared.oauth.clients.rules import ClientKind
from tests.api.oauth_clients import OAuthClient, registered
from tests.oauth.signing import MADE_WITH

TOKEN, INTROSPECT, REVOKE = "/oauth2/token", "/oauth2/introspect", "/oauth2/revoke"


@pytest.fixture(scope="module")
def vendor(url: str, sessions: Sessions) -> OAuthClient:
    return registered(sessions, url, ClientKind.INTEGRATOR)


@pytest.fixture(scope="module")
def steunpunt(url: str, sessions: Sessions) -> OAuthClient:
    return registered(sessions, url, ClientKind.OPERATOR)


class ShortLived(PrivateKeyJWT):  # type: ignore[misc]  # the library has no types
    """The library's own assertion, but for its lifetime of an hour."""

    def sign(self, auth: Any, token_endpoint: str) -> Any:
        self.claims = {"exp": int(time.time()) + 300}
        return super().sign(auth, token_endpoint)


def error_of(answer: httpx.Response) -> tuple[int, str]:
    body = answer.json()
    assert sorted(body) == ["error", "error_description"]
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.headers["Cache-Control"] == "no-store"
    return answer.status_code, body["error"]


def test_an_outside_library_gets_uses_introspects_and_revokes_a_token(
    vendor: OAuthClient, url: str
) -> None:
    metadata = AuthorizationServerMetadata(
        httpx.get(f"{url}/.well-known/oauth-authorization-server").json()
    )
    shown = ShortLived(alg="ES256")
    session = OAuth2Session(
        vendor.id,
        vendor.key,
        token_endpoint_auth_method=shown,
        revocation_endpoint_auth_method=shown,
    )
    key = ProofKey()
    endpoint = metadata["token_endpoint"]
    key.nonce = httpx.post(endpoint, headers={"DPoP": key.proof("POST", endpoint)}).headers[
        "DPoP-Nonce"
    ]
    token = session.fetch_token(
        endpoint,
        grant_type="client_credentials",
        headers={"DPoP": key.proof("POST", endpoint)},
        scope="results:read schools:read",
    )
    assert (token["token_type"], token["expires_in"]) == ("DPoP", 600)
    access = token["access_token"]

    def read() -> httpx.Response:
        proof = key.proof("GET", f"{url}/v1/schools", access)
        headers = {"Authorization": f"DPoP {access}", "DPoP": proof}
        return httpx.get(f"{url}/v1/schools", headers=headers)

    def introspect() -> dict[str, Any]:
        endpoint = metadata["introspection_endpoint"]
        return dict(session.introspect_token(endpoint, token=access).json())

    assert read().status_code == 200
    seen = introspect()
    assert seen["active"]
    assert seen["cnf"] == {"jkt": key.thumbprint}
    assert (seen["client_id"], seen["scope"]) == (vendor.id, "results:read schools:read")
    revoked = session.revoke_token(metadata["revocation_endpoint"], token=access)
    assert revoked.status_code == 200, revoked.text
    assert introspect() == {"active": False}
    assert read().status_code == 401


@pytest.mark.parametrize("algorithm", MADE_WITH)
def test_a_client_may_have_a_key_of_any_of_these_kinds(
    url: str, sessions: Sessions, algorithm: str
) -> None:
    client = registered(sessions, url, ClientKind.OPERATOR, algorithm=algorithm)
    answer = client.ask().json()
    assert (answer["token_type"], answer["expires_in"]) == ("DPoP", 600)
    assert client.get("/v1/clients", answer["access_token"]).status_code == 200


def test_a_client_gets_what_it_asks_for_of_what_it_may_have(vendor: OAuthClient) -> None:
    answer = vendor.ask(scope="results:read schools:read").json()
    assert answer["scope"] == "results:read schools:read"


@pytest.mark.parametrize(
    ("form", "error"),
    [
        ({"grant_type": "password"}, "unsupported_grant_type"),
        ({"grant_type": "authorization_code"}, "unsupported_grant_type"),
        ({"grant_type": ""}, "invalid_request"),
        ({"scope": "jobs:write"}, "invalid_scope"),
        ({"scope": "everything"}, "invalid_scope"),
        ({"scope": "results:read results:write"}, "invalid_scope"),
    ],
)
def test_what_a_client_cannot_have_is_refused_by_name(
    vendor: OAuthClient, form: dict[str, str], error: str
) -> None:
    assert error_of(vendor.ask(**form)) == (400, error)


def test_no_token_is_issued_without_a_proof(vendor: OAuthClient) -> None:
    answer = vendor.post(TOKEN, grant_type="client_credentials", scope="results:read")
    assert error_of(answer) == (400, "invalid_dpop_proof")


def test_a_portal_has_no_token_of_its_own(url: str, sessions: Sessions) -> None:
    portal = registered(sessions, url, ClientKind.PORTAL)
    assert error_of(portal.ask()) == (400, "unauthorized_client")


def test_an_assertion_is_good_once_wherever_it_was_used(steunpunt: OAuthClient) -> None:
    shown = {"client_assertion": steunpunt.assertion(), "grant_type": "client_credentials"}
    assert steunpunt.ask(**shown).status_code == 200
    for path in (TOKEN, INTROSPECT, REVOKE):
        assert error_of(steunpunt.post(path, token="x", **shown)) == (401, "invalid_client")


@pytest.mark.parametrize(
    "wrong",
    [
        lambda client: {"client_assertion": client.assertion(aud="https://other.example")},
        lambda client: {"client_assertion": client.assertion(exp=int(time.time()) + 3600)},
        lambda client: {"client_assertion": client.assertion(jti=None)},
        lambda client: {"client_assertion": client.assertion(sub=str(uuid4()))},
        lambda _: {"client_assertion": "nonsense"},
        lambda _: {"client_assertion": ""},
        lambda _: {"client_assertion_type": "password"},
        lambda _: {"client_id": str(uuid4())},
    ],
)
@pytest.mark.parametrize("path", [TOKEN, INTROSPECT, REVOKE])
def test_a_client_that_does_not_show_its_key_is_refused(
    steunpunt: OAuthClient, path: str, wrong: Callable[[OAuthClient], dict[str, str]]
) -> None:
    answer = steunpunt.post(path, token="x", grant_type="client_credentials", **wrong(steunpunt))
    assert error_of(answer) == (401, "invalid_client")


def test_a_suspended_client_is_refused_with_the_tokens_it_has(
    url: str, sessions: Sessions, operator: httpx.Client
) -> None:
    vendor = registered(sessions, url, ClientKind.INTEGRATOR)
    token = vendor.token()
    assert vendor.get("/v1/schools", token).status_code == 200
    operator.patch(f"/v1/clients/{vendor.id}", json={"state": "suspended"})
    assert vendor.get("/v1/schools", token).status_code == 401
    assert error_of(vendor.ask()) == (401, "invalid_client")
    alone = operator.patch(f"/v1/clients/{vendor.id}", json={"state": "active"})
    assert alone.json()["type"] == "urn:problem-type:toetsfeedback:api:approvalRequired"
    assert vendor.get("/v1/schools", token).status_code == 401


def test_a_token_of_another_client_is_not_there_for_one(
    vendor: OAuthClient, steunpunt: OAuthClient
) -> None:
    token = vendor.token()
    assert steunpunt.post(INTROSPECT, token=token).json() == {"active": False}
    assert steunpunt.post(REVOKE, token=token).status_code == 200
    assert vendor.get("/v1/schools", token).status_code == 200
    assert error_of(vendor.post(INTROSPECT)) == (400, "invalid_request")


FORM = "application/x-www-form-urlencoded"


@pytest.mark.parametrize(
    ("media_type", "body"),
    [
        ("application/json", b"{}"),
        ("", b"grant_type=client_credentials"),
        (FORM, b"grant_type=client_credentials&grant_type=password"),
        (FORM, b"grant_type"),
        (FORM, b"grant_type=%ff"),
        (FORM, "grant_type=\u00e9".encode()),
        (FORM, b"&".join(b"%d=x" % number for number in range(100))),
    ],
)
def test_an_odd_form_is_refused_before_anything_else(
    url: str, media_type: str, body: bytes
) -> None:
    answer = httpx.post(f"{url}{TOKEN}", content=body, headers={"Content-Type": media_type})
    assert error_of(answer) == (400, "invalid_request")


def test_what_is_published_says_where_everything_is_and_which_keys_sign(
    url: str, vendor: OAuthClient
) -> None:
    metadata = httpx.get(f"{url}/.well-known/oauth-authorization-server").json()
    assert metadata["token_endpoint"] == f"{url}{TOKEN}"
    assert metadata["token_endpoint_auth_methods_supported"] == ["private_key_jwt"]
    keys = KeySet.import_key_set(httpx.get(metadata["jwks_uri"]).json())
    token = jwt.decode(vendor.token(), keys, algorithms=["ES256"])
    assert token.header["typ"] == "at+jwt"
    assert token.claims["cnf"] == {"jkt": vendor.proofs.thumbprint}
