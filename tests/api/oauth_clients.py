"""Registered clients for the tests, which authenticate with a key of their own."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any
from uuid import uuid4

import httpx

from clients.python.proofs import ProofKey
from clients.python.token_auth import TokenAuth
from shared.access.rules import Scope
from shared.client_changes.repository import add_person
from shared.core.database import Sessions
from shared.core.unit_of_work import UnitOfWork
from shared.oauth.assertions import ASSERTION_TYPE
from shared.oauth.clients.rules import ClientKind, allowed_scopes
from shared.oauth.clients.service import NewClient, register
from tests.callers import OPERATOR
from tests.oauth.signing import KEY_FACTORIES, signed

KEYS = "/oauth2/keys"
HTTP = httpx.Client(verify=False)  # noqa: S501  # loads no certificates; the API is on this machine


@cache
def issuer_of(url: str) -> str:
    """Return the issuer in the metadata of the API: the only audience of an assertion."""
    return str(HTTP.get(f"{url}/.well-known/oauth-authorization-server").json()["issuer"])


@dataclass
class OAuthClient:
    """A client of a running API that uses the standards only."""

    url: str
    id: str
    key: Any
    algorithm: str = "ES256"
    proofs: ProofKey = field(default_factory=ProofKey)
    _auth: TokenAuth | None = None

    def assertion(self, header: dict[str, Any] | None = None, **changes: Any) -> str:
        claims = {
            "iss": self.id,
            "sub": self.id,
            "aud": issuer_of(self.url),
            "iat": int(time.time()),
            "exp": int(time.time()) + 300,
            "jti": str(uuid4()),
        }
        payload = {name: value for name, value in (claims | changes).items() if value is not None}
        head = {"alg": self.algorithm, "typ": "JWT"} | (header or {})
        return signed(head, payload, self.key)

    def post(
        self, path: str, headers: dict[str, str] | None = None, /, **form: str
    ) -> httpx.Response:
        """Post a form with a new assertion, unless it contains one."""
        credentials = {
            "client_assertion_type": ASSERTION_TYPE,
            "client_assertion": self.assertion(),
        }
        return HTTP.post(f"{self.url}{path}", data=credentials | form, headers=headers)

    def request_token(self, **form: str) -> httpx.Response:
        """Request a token as in RFC 9449: again, after the server has sent a nonce."""
        form = {"grant_type": "client_credentials"} | form
        for _ in range(2):
            proof = self.proofs.proof("POST", f"{self.url}/oauth2/token")
            response = self.post("/oauth2/token", {"DPoP": proof}, **form)
            self.proofs.nonce = response.headers.get("DPoP-Nonce", self.proofs.nonce)
            if response.is_success or response.json()["error"] != "use_dpop_nonce":
                break
        return response

    def add_key(
        self, key: Any, proof_key: Any = None, assertion: str | None = None
    ) -> httpx.Response:
        """Adds a key of its own, with a proof by that key or by another one."""
        proofs = ProofKey(proof_key or key)
        for _ in range(2):
            signed = assertion or self.assertion(cnf={"jwk": key.as_dict(private=False)})
            proof = proofs.proof("POST", f"{self.url}{KEYS}")
            answer = self.post(KEYS, {"DPoP": proof}, client_assertion=signed)
            proofs.nonce = answer.headers.get("DPoP-Nonce")
            if answer.is_success or answer.json()["error"] != "use_dpop_nonce":
                break
        return answer

    def remove_key(self, key_id: object) -> httpx.Response:
        """Removes the key that the assertion names."""
        return self.post(f"{KEYS}/remove", client_assertion=self.assertion(key_id=key_id))

    def token(self, **form: str) -> str:
        response = self.request_token(**form)
        assert response.status_code == 200, response.text
        return str(response.json()["access_token"])

    def request(
        self, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None
    ) -> httpx.Response:
        """Sends a request as this client does."""
        self._auth = self._auth or TokenAuth(self.token, self.proofs)
        url = path if path.startswith(self.url) else f"{self.url}{path}"
        return httpx.request(method, url, json=body, headers=headers, auth=self._auth, timeout=30)

    def upload(self, path: str, content: bytes) -> httpx.Response:
        """Uploads a ZIP file as this client."""
        self.request("GET", "/v1/jobs")  # for a nonce, without which a body cannot be repeated
        headers = {"Content-Type": "application/zip"}
        return httpx.post(
            f"{self.url}{path}", content=content, headers=headers, auth=self._auth, timeout=30
        )

    def get(self, path: str, token: str) -> httpx.Response:
        """Send a request with a valid proof."""
        url = f"{self.url}{path}"
        proof = self.proofs.proof("GET", url, token)
        return self.send(url, token, proof)

    def send(self, url: str, token: str, *proofs: str, scheme: str = "DPoP") -> httpx.Response:
        headers = [("Authorization", f"{scheme} {token}"), *(("DPoP", proof) for proof in proofs)]
        response = HTTP.get(url, headers=headers)
        self.proofs.nonce = response.headers.get("DPoP-Nonce", self.proofs.nonce)
        return response


def register_client(
    sessions: Sessions, url: str, kind: ClientKind, *scopes: Scope, algorithm: str = "ES256"
) -> OAuthClient:
    """Register a new client; that of an operator belongs to a new person."""
    key, name = KEY_FACTORIES[algorithm](), f"client {uuid4()}"
    keys = [key.as_dict(private=False)]
    with UnitOfWork(sessions) as unit:
        person = add_person(unit.session, name) if kind is ClientKind.OPERATOR else None
        new = NewClient(name, kind, frozenset(scopes) or allowed_scopes(kind), keys, person)
        client_id = str(register(unit, OPERATOR, new).client.id)
    return OAuthClient(url, client_id, key, algorithm)
