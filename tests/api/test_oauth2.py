"""The authorization server, with requests as in the standards."""

import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import uuid4

import httpx
import pytest
from authlib.integrations.requests_client import OAuth2Session
from authlib.oauth2.rfc7523 import PrivateKeyJWT
from authlib.oauth2.rfc8414 import AuthorizationServerMetadata
from joserfc import jwt
from joserfc.jwk import KeySet
from sqlalchemy import func, insert, select

from clients.python.proofs import ProofKey
from shared.core.database import Sessions
from shared.core.unit_of_work import UnitOfWork
from shared.oauth import repository
from shared.oauth.clients.rules import ClientKind
from shared.oauth.models import RevokedToken
from shared.oauth.tokens import CLOCK_SKEW
from tests.api.oauth_clients import OAuthClient, register_client
from tests.oauth.signing import KEY_FACTORIES

TOKEN, INTROSPECT, REVOKE = "/oauth2/token", "/oauth2/introspect", "/oauth2/revoke"


@pytest.fixture(scope="module")
def vendor(url: str, sessions: Sessions) -> OAuthClient:
    return register_client(sessions, url, ClientKind.INTEGRATOR)


@pytest.fixture(scope="module")
def steunpunt(url: str, sessions: Sessions) -> OAuthClient:
    return register_client(sessions, url, ClientKind.OPERATOR)


class ShortLivedAssertion(PrivateKeyJWT):  # type: ignore[misc]  # the library has no types
    """The assertion of the library for the issuer, with a lifetime of five minutes."""

    def __init__(self, issuer: str) -> None:
        super().__init__(alg="ES256")
        self.issuer = issuer

    def sign(self, auth: Any, token_endpoint: str) -> Any:
        self.claims = {"exp": int(time.time()) + 300, "aud": self.issuer}
        return super().sign(auth, token_endpoint)


def error_of(response: httpx.Response) -> tuple[int, str]:
    body = response.json()
    assert sorted(body) == ["error", "error_description"]
    assert response.headers["Content-Type"] == "application/json"
    assert response.headers["Cache-Control"] == "no-store"
    return response.status_code, body["error"]


def test_a_standard_client_library_gets_uses_introspects_and_revokes_a_token(
    vendor: OAuthClient, url: str
) -> None:
    metadata = AuthorizationServerMetadata(
        httpx.get(f"{url}/.well-known/oauth-authorization-server").json()
    )
    client_auth = ShortLivedAssertion(metadata["issuer"])
    session = OAuth2Session(
        vendor.id,
        vendor.key,
        token_endpoint_auth_method=client_auth,
        revocation_endpoint_auth_method=client_auth,
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
    introspection = introspect()
    assert introspection["active"]
    assert introspection["cnf"] == {"jkt": key.thumbprint}
    assert (introspection["client_id"], introspection["scope"]) == (
        vendor.id,
        "results:read schools:read",
    )
    revoked = session.revoke_token(metadata["revocation_endpoint"], token=access)
    assert revoked.status_code == 200, revoked.text
    assert introspect() == {"active": False}
    assert read().status_code == 401


@pytest.mark.parametrize("algorithm", KEY_FACTORIES)
def test_a_client_may_have_a_key_for_each_supported_algorithm(
    url: str, sessions: Sessions, algorithm: str
) -> None:
    client = register_client(sessions, url, ClientKind.OPERATOR, algorithm=algorithm)
    response = client.request_token().json()
    assert (response["token_type"], response["expires_in"]) == ("DPoP", 600)
    assert client.get("/v1/clients", response["access_token"]).status_code == 200


def test_a_client_gets_the_scopes_that_it_requests(vendor: OAuthClient) -> None:
    response = vendor.request_token(scope="results:read schools:read").json()
    assert response["scope"] == "results:read schools:read"


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
def test_an_invalid_grant_or_scope_has_the_error_of_the_standard(
    vendor: OAuthClient, form: dict[str, str], error: str
) -> None:
    assert error_of(vendor.request_token(**form)) == (400, error)


def test_no_token_is_issued_without_a_proof(vendor: OAuthClient) -> None:
    response = vendor.post(TOKEN, grant_type="client_credentials", scope="results:read")
    assert error_of(response) == (400, "invalid_dpop_proof")


def test_a_portal_cannot_get_a_token_for_itself(url: str, sessions: Sessions) -> None:
    portal = register_client(sessions, url, ClientKind.PORTAL)
    assert error_of(portal.request_token()) == (400, "unauthorized_client")


def test_an_assertion_is_valid_once_for_all_endpoints_together(steunpunt: OAuthClient) -> None:
    assert steunpunt.request_token().status_code == 200  # the client learns the nonce
    client_auth = {"client_assertion": steunpunt.assertion(), "grant_type": "client_credentials"}
    assert steunpunt.request_token(**client_auth).status_code == 200
    for path in (TOKEN, INTROSPECT, REVOKE):
        assert error_of(steunpunt.post(path, token="x", **client_auth)) == (401, "invalid_client")


@pytest.mark.parametrize(
    "change",
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
def test_a_client_without_a_valid_assertion_is_rejected(
    steunpunt: OAuthClient, path: str, change: Callable[[OAuthClient], dict[str, str]]
) -> None:
    response = steunpunt.post(path, token="x", grant_type="client_credentials", **change(steunpunt))
    assert error_of(response) == (401, "invalid_client")


def test_a_suspended_client_and_its_tokens_are_rejected(
    url: str, sessions: Sessions, operator: httpx.Client
) -> None:
    vendor = register_client(sessions, url, ClientKind.INTEGRATOR)
    token = vendor.token()
    assert vendor.get("/v1/schools", token).status_code == 200
    operator.patch(f"/v1/clients/{vendor.id}", json={"state": "suspended"})
    assert vendor.get("/v1/schools", token).status_code == 401
    assert error_of(vendor.request_token()) == (401, "invalid_client")
    alone = operator.patch(f"/v1/clients/{vendor.id}", json={"state": "active"})
    assert alone.json()["type"] == "urn:problem-type:toetsfeedback:api:approvalRequired"
    assert vendor.get("/v1/schools", token).status_code == 401


def test_a_client_cannot_introspect_or_revoke_a_token_of_another(
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
def test_a_malformed_form_is_an_invalid_request(url: str, media_type: str, body: bytes) -> None:
    response = httpx.post(f"{url}{TOKEN}", content=body, headers={"Content-Type": media_type})
    assert error_of(response) == (400, "invalid_request")


def test_the_metadata_has_the_endpoints_and_the_signing_keys(url: str, vendor: OAuthClient) -> None:
    metadata = httpx.get(f"{url}/.well-known/oauth-authorization-server").json()
    assert metadata["token_endpoint"] == f"{url}{TOKEN}"
    assert metadata["token_endpoint_auth_methods_supported"] == ["private_key_jwt"]
    keys = KeySet.import_key_set(httpx.get(metadata["jwks_uri"]).json())
    token = jwt.decode(vendor.token(), keys, algorithms=["ES256"])
    assert token.header["typ"] == "at+jwt"
    assert token.claims["cnf"] == {"jkt": vendor.proofs.thumbprint}


def test_revocation_is_kept_for_as_long_as_the_token_is_accepted(sessions: Sessions) -> None:
    accepted, refused = str(uuid4()), str(uuid4())
    ends = {accepted: CLOCK_SKEW - timedelta(seconds=1), refused: CLOCK_SKEW + timedelta(seconds=1)}
    with UnitOfWork(sessions) as unit:
        for token_id, ago in ends.items():
            values = {"id": token_id, "expires_at": func.now() - ago}
            unit.session.execute(insert(RevokedToken).values(values))
        repository.remove_expired(unit.session)
        left = set(unit.session.scalars(select(RevokedToken.id)))
    assert accepted in left
    assert refused not in left
