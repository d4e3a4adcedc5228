"""An OpenID provider for development: a page of people to be, and their tokens."""

import re
import time
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from secrets import token_urlsafe
from typing import Any
from urllib.parse import parse_qs, urlencode

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import (
    HTMLResponse,
    JSONResponse,
    PlainTextResponse,
    RedirectResponse,
    Response,
)
from starlette.routing import Route

from embedded.openid_provider.page import HEADERS, render_people
from embedded.openid_provider.people import PEOPLE, DefaultSchool

ALGORITHM = "ES256"
TOKEN_SECONDS, CODE_SECONDS = 8 * 3600, 60
SCHOOL_ID = re.compile(r"[0-9]{6}")
BAD_REQUEST, SEE_OTHER = 400, 303


@dataclass(frozen=True, slots=True)
class ProviderClient:
    """The portal as a client of the provider."""

    client_id: str
    url: str
    key: ECKey


@dataclass(frozen=True, slots=True)
class PendingCode:
    """A sign-on whose code the portal has not exchanged yet."""

    claims: Mapping[str, Any]
    nonce: str
    challenge: str
    redirect_uri: str
    ends_at: float


@dataclass
class OpenIdProvider:
    """A provider with one client, which signs everything with one key."""

    issuer: str
    key: ECKey
    client: ProviderClient
    default_school: Path
    codes: dict[str, PendingCode] = field(default_factory=dict)

    def app(self) -> Starlette:
        app = Starlette(
            routes=[
                Route("/.well-known/openid-configuration", self.describe),
                Route("/jwks", self.publish_keys),
                Route("/authorize", self.choose),
                Route("/authorize", self.sign_on, methods=["POST"]),
                Route("/token", self.issue, methods=["POST"]),
                Route("/end", self.sign_off),
                Route("/health", self.check_health),
            ]
        )
        app.router.redirect_slashes = False  # such a redirect has the host of the request
        return app

    async def check_health(self, _: Request) -> Response:
        return PlainTextResponse("UP")

    async def describe(self, _: Request) -> Response:
        return JSONResponse(
            {
                "issuer": self.issuer,
                "authorization_endpoint": f"{self.issuer}/authorize",
                "token_endpoint": f"{self.issuer}/token",
                "jwks_uri": f"{self.issuer}/jwks",
                "end_session_endpoint": f"{self.issuer}/end",
                "response_types_supported": ["code"],
                "subject_types_supported": ["public"],
                "id_token_signing_alg_values_supported": [ALGORITHM],
                "code_challenge_methods_supported": ["S256"],
                "token_endpoint_auth_methods_supported": ["private_key_jwt"],
            }
        )

    async def publish_keys(self, _: Request) -> Response:
        return JSONResponse({"keys": [_public(self.key)]})

    async def choose(self, request: Request) -> Response:
        """Show the people to be, for a correct authorization request of the portal."""
        query = dict(request.query_params)
        if not self._is_correct(query):
            return PlainTextResponse("This is no authorization request of the portal.", BAD_REQUEST)
        page = render_people(query, DefaultSchool.read(self.default_school))
        policy = f"{HEADERS['Content-Security-Policy']}; form-action 'self' {self.client.url}"
        return HTMLResponse(page, headers=HEADERS | {"Content-Security-Policy": policy})

    async def sign_on(self, request: Request) -> Response:
        """Sign the chosen person on, and lead the browser back to the portal with a code."""
        form = await _form_of(request)
        people = {person.code: person for person in PEOPLE}
        person, school_id = people.get(form.get("person", "")), form.get("school", "")
        if person is None or not SCHOOL_ID.fullmatch(school_id) or not self._is_correct(form):
            return PlainTextResponse("Choose a person and a school of six digits.", BAD_REQUEST)
        code = token_urlsafe()
        self.codes[code] = PendingCode(
            person.claims(school_id, form.get("class_group", "").strip()),
            form["nonce"],
            form["code_challenge"],
            form["redirect_uri"],
            time.time() + CODE_SECONDS,
        )
        back = {"code": code, "state": form["state"], "iss": self.issuer}
        return RedirectResponse(f"{form['redirect_uri']}?{urlencode(back)}", SEE_OTHER)

    async def issue(self, request: Request) -> Response:
        """Issue an access token and an ID token for a code, to the portal alone."""
        form = await _form_of(request)
        pending = self.codes.pop(form.get("code", ""), None)
        if not self._is_portal(form.get("client_assertion", "")):
            return JSONResponse({"error": "invalid_client"}, 401)
        if pending is None or not _fits(pending, form):
            return JSONResponse({"error": "invalid_grant"}, BAD_REQUEST)
        now = int(time.time())
        claims = {
            "iss": self.issuer,
            "aud": self.client.client_id,
            "iat": now,
            "exp": now + TOKEN_SECONDS,
            **pending.claims,
        }
        return JSONResponse(
            {
                "token_type": "Bearer",
                "expires_in": TOKEN_SECONDS,
                "access_token": self._sign("at+jwt", claims | {"scope": "openid vo"}),
                "id_token": self._sign("JWT", claims | {"nonce": pending.nonce}),
            },
            headers={"Cache-Control": "no-store"},
        )

    async def sign_off(self, request: Request) -> Response:
        """End the sign-on, which has no session here, and lead back to the portal."""
        wanted = request.query_params.get("post_logout_redirect_uri")
        return RedirectResponse(self.client.url if wanted == self.client.url else "/", SEE_OTHER)

    def _is_correct(self, values: Mapping[str, str]) -> bool:
        return (
            values.get("client_id") == self.client.client_id
            and values.get("redirect_uri") == f"{self.client.url}/aanmelden/terug"
            and values.get("response_type") == "code"
            and values.get("code_challenge_method") == "S256"
            and all(values.get(name) for name in ("state", "nonce", "code_challenge"))
        )

    def _is_portal(self, assertion: str) -> bool:
        try:
            claims = jwt.decode(assertion, self.client.key, algorithms=[ALGORITHM]).claims
        except (JoseError, ValueError):
            return False
        is_for_us = claims.get("aud") == self.issuer and claims.get("iss") == self.client.client_id
        return is_for_us and float(claims.get("exp", 0)) > time.time()

    def _sign(self, kind: str, claims: Mapping[str, Any]) -> str:
        header = {"alg": ALGORITHM, "typ": kind, "kid": self.key.thumbprint()}
        return jwt.encode(header, dict(claims), self.key, algorithms=[ALGORITHM])


async def _form_of(request: Request) -> dict[str, str]:
    fields = parse_qs((await request.body()).decode())
    return {name: values[0] for name, values in fields.items()}


def _fits(pending: PendingCode, form: Mapping[str, str]) -> bool:
    """Check the end of a code, its redirect URI, and its proof key (RFC 7636)."""
    challenge = urlsafe_b64encode(sha256(form.get("code_verifier", "").encode()).digest())
    is_own = pending.challenge == challenge.rstrip(
        b"="
    ).decode() and pending.redirect_uri == form.get("redirect_uri")
    return is_own and pending.ends_at > time.time()


def _public(key: ECKey) -> dict[str, Any]:
    return {**key.as_dict(private=False), "kid": key.thumbprint(), "alg": ALGORITHM, "use": "sig"}
