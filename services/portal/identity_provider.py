"""Sign-on at the OpenID provider: authorization code flow with PKCE (OpenID Connect Core 1.0)."""

from dataclasses import dataclass
from hashlib import sha256
from secrets import token_urlsafe
from typing import Any
from urllib.parse import urlencode

import httpx
from authlib.oauth2.rfc6749.parameters import prepare_grant_uri
from authlib.oauth2.rfc7523 import private_key_jwt_sign
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from clients.python.errors import json_of
from clients.python.proofs import ALGORITHM, ProofKey
from clients.python.registered_client import ASSERTION_TYPE
from services.portal.sessions import Session, SessionStore
from services.portal.settings import PortalSettings

SCOPES = "openid vo"
SIGNATURES = ["ES256", "RS256", "PS256"]
ASSERTION_SECONDS = 60


class SignOnError(Exception):
    """A sign-on that failed; the message is for the log and quotes nothing of a person."""


@dataclass
class IdentityProvider:
    """The OpenID provider, as the portal uses it."""

    settings: PortalSettings
    http: httpx.Client
    key: ProofKey
    store: SessionStore
    _metadata: dict[str, Any] | None = None

    @property
    def callback_url(self) -> str:
        return f"{self.settings.url}/aanmelden/terug"

    def begin(self) -> tuple[str, str]:
        """Return the address at which a person signs on, and the secret for their browser.

        Raises:
            SignOnError: the provider does not respond.
        """
        state, nonce, verifier, browser = (token_urlsafe(32) for _ in range(4))
        values = {"nonce": nonce, "verifier": verifier, "browser": _digest(browser)}
        self.store.add_pending(state, values)
        address = prepare_grant_uri(
            self._read_metadata()["authorization_endpoint"],
            self.settings.provider_client_id,
            "code",
            redirect_uri=self.callback_url,
            scope=SCOPES,
            state=state,
            nonce=nonce,
            code_challenge=create_s256_code_challenge(verifier),
            code_challenge_method="S256",
        )
        return str(address), browser

    def finish(self, state: str, code: str, browser: str) -> Session:
        """Exchange the code of a sign-on that this browser has begun for a new session.

        Raises:
            SignOnError: it was begun elsewhere or too long ago, or the provider refuses the code.
        """
        pending = self.store.take_pending(state)
        if pending is None or pending["browser"] != _digest(browser):
            raise SignOnError("the sign-on was not begun in this browser, or too long ago")
        tokens = self._exchange(code, pending["verifier"])
        claims = self._verify_id_token(str(tokens.get("id_token")), pending["nonce"])
        groups = claims.get(self.settings.class_groups_claim, [])
        return Session(
            subject_token=str(tokens["access_token"]),
            id_token=str(tokens["id_token"]),
            name=str(claims.get("name", ""))[:200],
            class_groups=[str(group) for group in groups] if isinstance(groups, list) else [],
        )

    def end_url(self, id_token: str) -> str | None:
        """Return the address at which the sign-on at the provider ends, if there is one."""
        endpoint = self._read_metadata().get("end_session_endpoint")
        if endpoint is None:
            return None
        back = {"id_token_hint": id_token, "post_logout_redirect_uri": self.settings.url}
        return f"{endpoint}?{urlencode(back)}"

    def _exchange(self, code: str, verifier: str) -> dict[str, Any]:
        endpoint = self._read_metadata()["token_endpoint"]
        client_id = self.settings.provider_client_id
        assertion = private_key_jwt_sign(
            self.key.key,
            client_id=client_id,
            token_endpoint=self.settings.provider_url,  # the audience (draft of RFC 7523bis)
            alg=ALGORITHM,
            expires_in=ASSERTION_SECONDS,
        )
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self.callback_url,
            "code_verifier": verifier,
            "client_id": client_id,
            "client_assertion_type": ASSERTION_TYPE,
            "client_assertion": assertion,
        }
        tokens = self._request("POST", endpoint, form)
        if not isinstance(tokens.get("access_token"), str) or "id_token" not in tokens:
            raise SignOnError("the provider issued no tokens for the code")
        return tokens

    def _verify_id_token(self, token: str, nonce: str) -> dict[str, Any]:
        keys = KeySet.import_key_set(self._request("GET", self._read_metadata()["jwks_uri"]))  # type: ignore[arg-type]  # as the provider sent it
        rules = jwt.JWTClaimsRegistry(
            iss={"essential": True, "value": self.settings.provider_url},
            aud={"essential": True, "value": self.settings.provider_client_id},
            nonce={"essential": True, "value": nonce},
            exp={"essential": True},
        )
        try:
            claims: dict[str, Any] = jwt.decode(token, keys, algorithms=SIGNATURES).claims
            rules.validate(claims)
        except (JoseError, ValueError) as error:
            raise SignOnError(f"the ID token is not valid: {type(error).__name__}") from None
        return claims

    def _read_metadata(self) -> dict[str, Any]:
        if self._metadata is None:
            issuer = self.settings.provider_url
            found = self._request("GET", f"{issuer}/.well-known/openid-configuration")
            if found.get("issuer") != issuer:
                raise SignOnError("the metadata is not that of the provider")
            self._metadata = found
        return self._metadata

    def _request(self, method: str, url: str, form: dict[str, str] | None = None) -> dict[str, Any]:
        try:
            response = self.http.request(method, url, data=form)
        except httpx.HTTPError as error:
            raise SignOnError(f"the provider does not respond: {type(error).__name__}") from None
        if not response.is_success:
            raise SignOnError(f"the provider responded with {response.status_code}")
        return json_of(response)


def _digest(secret: str) -> str:
    return sha256(secret.encode()).hexdigest()
