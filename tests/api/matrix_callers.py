"""The callers of the access matrix, and what they authenticate with."""

from datetime import date

import httpx
from joserfc import jwt
from joserfc.jwk import ECKey

from clients.python.proofs import ProofKey
from clients.python.token_auth import TokenAuth
from shared.access.rules import GRANTABLE, Caller, CallerKind
from shared.oauth.signing_keys import SigningKeys
from shared.oauth.tokens import TokenAuthority
from tests.api.conftest import Callers
from tests.api.seeding import OTHER, SCHOOL


def integrator(name: str) -> Caller:
    return Caller(name, CallerKind.INTEGRATOR, GRANTABLE[CallerKind.INTEGRATOR])


def portal(school: str) -> Caller:
    return Caller("portal", CallerKind.SCHOOL, GRANTABLE[CallerKind.SCHOOL], school)


OPERATOR_ID = "00000000-0000-4000-8000-00000000000a"
OFFICER_ID = "00000000-0000-4000-8000-00000000000b"
CALLERS = {
    "own school": portal(SCHOOL),
    "other school": portal(OTHER),
    "mandated": integrator("mandated"),
    "no mandate": integrator("no mandate"),
    "mandate over": integrator("mandate over"),
    "mandate revoked": integrator("mandate revoked"),
    "other product": integrator("other product"),
    "operator": Caller(OPERATOR_ID, CallerKind.OPERATOR, GRANTABLE[CallerKind.OPERATOR]),
    "officer": Caller(OFFICER_ID, CallerKind.OFFICER, GRANTABLE[CallerKind.OFFICER]),
}
UNAUTHENTICATED = ("nobody", "forged token", "expired token", "another key")
"""The last three send a token of the school itself that is not valid."""


def auth_of(callers: Callers, name: str) -> httpx.Auth | None:
    """Return the authentication of the callers of a column."""
    authority, key = callers.authority, callers.key
    token = callers.issue(CALLERS.get(name, CALLERS["own school"]))
    if name == "nobody":
        return None
    if name == "another key":
        return TokenAuth(lambda: token, ProofKey())
    if name == "forged token":
        keys = SigningKeys(((date.min, ECKey.generate_key("P-256")),))
        forging = Callers(callers.url, TokenAuthority(keys, authority.issuer, authority.audience))
        forging.key = key
        token = forging.issue(CALLERS["own school"])
    if name == "expired token":
        signing = authority.keys.signing
        claims = jwt.decode(token, signing).claims
        expired = {moment: claims[moment] - 3600 for moment in ("iat", "exp")}
        header = {"alg": "ES256", "typ": "at+jwt", "kid": signing.thumbprint()}
        token = jwt.encode(header, claims | expired, signing)
    return TokenAuth(lambda: token, key)
