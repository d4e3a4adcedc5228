"""Registered clients for the tests, which show who they are with a key of their own."""

import time
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import httpx

from services.cli.signing import ProofKey
from shared.access.rules import Scope
from shared.core.database import Sessions
from shared.core.unit_of_work import UnitOfWork
from shared.oauth.assertions import ASSERTION_TYPE
from shared.oauth.clients.rules import ClientKind
from shared.oauth.clients.service import NewClient, register
from tests.callers import OPERATOR
from tests.oauth.signing import MADE_WITH, signed

HTTP = httpx.Client(verify=False)  # noqa: S501  # loads no certificates; the API is on this machine


@dataclass
class OAuthClient:
    """A client of a running API, by the standards alone."""

    url: str
    id: str
    key: Any
    algorithm: str = "ES256"
    proofs: ProofKey = field(default_factory=ProofKey)

    def assertion(self, header: dict[str, Any] | None = None, **changes: Any) -> str:
        claims = {
            "iss": self.id,
            "sub": self.id,
            "aud": f"{self.url}/oauth2/token",
            "iat": int(time.time()),
            "exp": int(time.time()) + 300,
            "jti": str(uuid4()),
        }
        given = {name: value for name, value in (claims | changes).items() if value is not None}
        head = {"alg": self.algorithm, "typ": "JWT"} | (header or {})
        return signed(head, given, self.key)

    def post(
        self, path: str, headers: dict[str, str] | None = None, /, **form: str
    ) -> httpx.Response:
        """A form with a fresh assertion, unless it brings its own."""
        shown = {"client_assertion_type": ASSERTION_TYPE, "client_assertion": self.assertion()}
        return HTTP.post(f"{self.url}{path}", data=shown | form, headers=headers)

    def ask(self, **form: str) -> httpx.Response:
        """Asks for a token as the standard describes: again, once it was given a nonce."""
        form = {"grant_type": "client_credentials"} | form
        for _ in range(2):
            proof = self.proofs.proof("POST", f"{self.url}/oauth2/token")
            answer = self.post("/oauth2/token", {"DPoP": proof}, **form)
            self.proofs.nonce = answer.headers.get("DPoP-Nonce", self.proofs.nonce)
            if answer.is_success or answer.json()["error"] != "use_dpop_nonce":
                break
        return answer

    def token(self, **form: str) -> str:
        answer = self.ask(**form)
        assert answer.status_code == 200, answer.text
        return str(answer.json()["access_token"])

    def get(self, path: str, token: str) -> httpx.Response:
        """With a proof that holds."""
        url = f"{self.url}{path}"
        proof = self.proofs.proof("GET", url, token)
        return self.send(url, token, proof)

    def send(self, url: str, token: str, *proofs: str, scheme: str = "DPoP") -> httpx.Response:
        headers = [("Authorization", f"{scheme} {token}"), *(("DPoP", proof) for proof in proofs)]
        answer = HTTP.get(url, headers=headers)
        self.proofs.nonce = answer.headers.get("DPoP-Nonce", self.proofs.nonce)
        return answer


def registered(
    sessions: Sessions, url: str, kind: ClientKind, *scopes: Scope, algorithm: str = "ES256"
) -> OAuthClient:
    key = MADE_WITH[algorithm]()
    new = NewClient(f"client {uuid4()}", kind, frozenset(scopes), [key.as_dict(private=False)])
    with UnitOfWork(sessions) as unit:
        client_id = str(register(unit, OPERATOR, new).client.id)
    return OAuthClient(url, client_id, key, algorithm)
