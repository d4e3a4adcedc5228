"""A registered client: it authenticates with its own key, and obtains access tokens."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from uuid import uuid4

import httpx
from joserfc import jwt

from clients.python.errors import ApiRefusal, json_of
from clients.python.http import open_client
from clients.python.proofs import ALGORITHM, NONCE_HEADER, ProofKey

ASSERTION_SECONDS = 60
ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
TOKEN_EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"  # noqa: S105  # a name
ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token"  # noqa: S105  # a name
TOKEN_PATH, REVOCATION_PATH = "/oauth2/token", "/oauth2/revoke"


@dataclass(frozen=True, slots=True)
class AccessToken:
    """An access token with its lifetime in seconds and its scopes."""

    value: str
    expires_in: int
    scopes: frozenset[str]


@dataclass(frozen=True, slots=True)
class RegisteredClient:
    """A registered client with its private key, at the public address of the API.

    `key` signs assertions (`private_key_jwt`), `proofs` the DPoP proofs of its tokens.
    """

    url: str
    client_id: str
    key: ProofKey
    proofs: ProofKey = field(default_factory=ProofKey)

    def obtain_token(self, proofs: ProofKey | None = None) -> str:
        """Request an access token that is bound to the key of `proofs`.

        Raises:
            ApiRefusal: the client is refused.
        """
        with open_client(self.url) as http:
            form = {"grant_type": "client_credentials"}
            return self._request_token(http, form, proofs or self.proofs).value

    def exchange_token(
        self, http: httpx.Client, subject_token: str, headers: Mapping[str, str]
    ) -> AccessToken:
        """Exchange a person's token of the identity provider for one of the API (RFC 8693).

        Raises:
            ApiRefusal: the client or the person is refused.
        """
        form = {
            "grant_type": TOKEN_EXCHANGE,
            "subject_token": subject_token,
            "subject_token_type": ACCESS_TOKEN,
        }
        return self._request_token(http, form, self.proofs, headers)

    def revoke_token(self, http: httpx.Client, token: str, headers: Mapping[str, str]) -> None:
        """End a token of this client, and what runs with it (RFC 7009).

        Raises:
            ApiRefusal: the client is refused.
        """
        form = {"token": token, **self._credentials()}
        response = http.post(REVOCATION_PATH, data=form, headers=headers)
        if not response.is_success:
            raise ApiRefusal(response)

    def _request_token(
        self,
        http: httpx.Client,
        form: Mapping[str, str],
        proofs: ProofKey,
        headers: Mapping[str, str] | None = None,
    ) -> AccessToken:
        """Request a token; once more after the server has sent a nonce."""
        for _ in range(2):
            signed = {"DPoP": proofs.proof("POST", f"{self.url}{TOKEN_PATH}"), **(headers or {})}
            response = http.post(TOKEN_PATH, data={**form, **self._credentials()}, headers=signed)
            proofs.nonce = response.headers.get(NONCE_HEADER, proofs.nonce)
            body = json_of(response)
            if response.is_success and isinstance(token := body.get("access_token"), str):
                scopes = frozenset(str(body.get("scope", "")).split())
                return AccessToken(token, int(body.get("expires_in", 0)), scopes)
        raise ApiRefusal(response)

    def _credentials(self) -> dict[str, str]:
        now = int(time.time())
        claims = {
            "iss": self.client_id,
            "sub": self.client_id,
            "aud": self.url,
            "iat": now,
            "exp": now + ASSERTION_SECONDS,
            "jti": str(uuid4()),
        }
        header = {"typ": "JWT", "alg": ALGORITHM}
        assertion = jwt.encode(header, claims, self.key.key, algorithms=[ALGORITHM])
        return {"client_assertion_type": ASSERTION_TYPE, "client_assertion": assertion}
