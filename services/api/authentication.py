"""Who calls: takes token and proof from a request, and has them checked."""

import time
from typing import Annotated

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from fastapi.security.http import HTTPBase

from services.api.parts import Parts
from shared.access.jose import ALGORITHMS
from shared.access.proofs import Expected
from shared.access.rules import Caller
from shared.access.service import Presented, admit, still_holds
from shared.core.errors import NoAccessToken

BEARER_TOKEN, BOUND_TOKEN = "bearerToken", "boundToken"  # names in the OpenAPI document
NONCE_HEADER = "DPoP-Nonce"

_bearer = HTTPBearer(
    auto_error=False,
    scheme_name=BEARER_TOKEN,
    bearerFormat="at+jwt",
    description="An operator's access token; each operation names the scopes it needs one of.",
)
_bound = HTTPBase(
    scheme="DPoP",
    auto_error=False,
    scheme_name=BOUND_TOKEN,
    description="An access token that is bound to a key (RFC 9449). It comes with a proof in the "
    f"header `DPoP`, signed with {', '.join(ALGORITHMS)}, with the nonce of the last answer's "
    f"`{NONCE_HEADER}`. Each operation names the scopes it needs one of.",
)


def authenticate(
    request: Request,
    credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(_bound)],
    _: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)],
) -> Caller:
    """The caller whom the token speaks for.

    Raises:
        NoAccessToken: without a token.
        InvalidAccessToken: with one that is not ours, or not valid any more.
        InvalidProof: with one that is bound to a key, without a proof that holds.
    """
    scheme = credentials.scheme.lower() if credentials else ""
    if credentials is None or scheme not in {"bearer", "dpop"}:
        raise NoAccessToken
    parts: Parts = request.app.state.parts
    if scheme == "dpop":
        hand_out_nonce(request)
    presented = Presented(
        token=credentials.credentials,
        scheme=scheme,
        proofs=proofs_in(request),
        request=expected_of(request, credentials.credentials),
    )
    caller = admit(parts.issuer, presented).caller
    request.state.client = caller.client
    return caller


def token_holds(request: Request) -> bool:
    """Whether the token that let a request in still does; for answers that take long."""
    parts: Parts = request.app.state.parts
    return still_holds(parts.issuer, request.headers["Authorization"].partition(" ")[2])


def hand_out_nonce(request: Request) -> None:
    """Puts the nonce for the next proof into the answer, whatever it will be."""
    parts: Parts = request.app.state.parts
    request.state.answer_headers = {NONCE_HEADER: parts.issuer.nonces.at(time.time())}


def proofs_in(request: Request) -> tuple[str, ...]:
    return tuple(request.headers.getlist("DPoP"))


def expected_of(request: Request, token: str | None = None) -> Expected:
    """By the address we are known by, never by the host that the request names."""
    parts: Parts = request.app.state.parts
    path = request.scope["raw_path"].decode("latin-1").partition("?")[0]
    return Expected(request.method, f"{parts.public_url}{path}", token)
