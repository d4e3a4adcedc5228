"""The authorization server, asked as the standards say."""

import time
from typing import Any

import httpx
import pytest
from authlib.integrations.requests_client import OAuth2Session
from authlib.oauth2.rfc7523 import PrivateKeyJWT
from authlib.oauth2.rfc8414 import AuthorizationServerMetadata

from services.cli.signing import ProofKey
from shared.access.clients.rules import ClientKind
from shared.core.database import Sessions
from tests.api.oauth_clients import OAuthClient, registered

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
