"""Use cases of tokens: let one in, give one out, say what one is, take one back."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from shared.access.rules import Caller, Scope, needs_proof
from shared.core.errors import InvalidAccessToken
from shared.oauth import jose, repository
from shared.oauth.assertions import (
    ASSERTION_TYPE,
    CLOCK_SKEW_SECONDS,
    claimed_client,
    read_assertion,
)
from shared.oauth.clients import repository as clients
from shared.oauth.clients.models import Client
from shared.oauth.clients.rules import CALLER_KIND, ClientKind, ClientState
from shared.oauth.dpop import (
    MAX_AGE_SECONDS,
    MAX_AHEAD_SECONDS,
    Expected,
    Nonces,
    Proof,
    ProofError,
    read_proof,
)
from shared.oauth.errors import InvalidProof, OAuthError, invalid_client, invalid_request
from shared.oauth.jose import SignatureError
from shared.oauth.tokens import MAX_LIFETIME, AccessToken, TokenAuthority

PROOF_KEPT = timedelta(seconds=MAX_AGE_SECONDS + MAX_AHEAD_SECONDS)
USED_BEFORE = "it was used before; sign a new one for each request"


@dataclass(frozen=True, slots=True)
class Issuer:
    """What tokens are issued, checked and taken back with."""

    engine: Engine
    authority: TokenAuthority
    nonces: Nonces


@dataclass(frozen=True, slots=True)
class Presented:
    """A token as it came: by which scheme, with which proofs, and with which request."""

    token: str
    scheme: str
    proofs: tuple[str, ...]
    request: Expected


@dataclass(frozen=True, slots=True)
class Issued:
    token: str
    lifetime: timedelta
    scopes: frozenset[Scope]
    is_bound: bool


def admit(session: Session, issuer: Issuer, presented: Presented) -> AccessToken:
    """The token, if it is ours, still holds, and was sent by who it is bound to.

    The session acts for the caller from here on. The proof is used up, also when the transaction is
    undone.

    Raises:
        InvalidAccessToken: when the token does not hold, or not any more.
        InvalidProof: when the proof is missing, was used before, or does not hold.
    """
    token = issuer.authority.verify(presented.token)
    is_proven = presented.scheme == "dpop"
    if is_proven != (token.thumbprint is not None):
        raise InvalidAccessToken
    digest = None
    if is_proven:
        proof = _proof_with_token(issuer, presented)
        if proof.thumbprint != token.thumbprint:
            raise InvalidProof("its key is not the one that the token is bound to")
        digest = proof.digest
    admission = repository.admit(session, token, digest, PROOF_KEPT)
    if not admission.is_first_use:
        raise InvalidProof(USED_BEFORE)
    if admission.is_revoked or admission.is_suspended:
        raise InvalidAccessToken
    return token


def still_holds(session: Session, token: AccessToken) -> bool:
    """Whether a token that was let in has neither expired since nor been taken back."""
    return not (token.has_expired() or is_taken_back(session, token))


def is_taken_back(session: Session, token: AccessToken) -> bool:
    """Whether a token that was let in was revoked since, or its client suspended."""
    admission = repository.admit(session, token, None, PROOF_KEPT)
    return admission.is_revoked or admission.is_suspended


def _proof_with_token(issuer: Issuer, presented: Presented) -> Proof:
    try:
        return _read_one(issuer, presented.proofs, presented.request)
    except ProofError as error:
        raise InvalidProof(str(error), error=error.code) from None


def _read_one(issuer: Issuer, proofs: tuple[str, ...], request: Expected) -> Proof:
    if len(proofs) != 1:
        raise ProofError("send one DPoP proof")
    return read_proof(proofs[0], request, issuer.nonces, time.time())


def authenticate_client(
    issuer: Issuer, form: Mapping[str, str], audiences: frozenset[str]
) -> Client:
    """The client whose key signed the assertion in the form; the assertion is used up.

    No connection is held while another is asked for.

    Raises:
        OAuthError: `invalid_client`, whatever is wrong.
    """
    if form.get("client_assertion_type") != ASSERTION_TYPE or "client_assertion" not in form:
        raise invalid_client("send a client_assertion of type private_key_jwt")
    text, now = form["client_assertion"], time.time()
    try:
        client_id = claimed_client(text)
        with Session(issuer.engine) as session:
            client = clients.find_client(session, client_id)
            keys = [jose.public_key(key.jwk) for key in clients.keys_of(session, [client_id])]
        assertion = read_assertion(text, client_id, keys, audiences, now)
    except SignatureError as error:
        raise invalid_client(str(error)) from None
    if form.get("client_id", str(client_id)) != str(client_id):
        raise invalid_client("client_id is not its subject")
    kept_for = timedelta(seconds=assertion.expires_at - now + 2 * CLOCK_SKEW_SECONDS)
    if not repository.use_once(issuer.engine, assertion.digest, kept_for):
        raise invalid_client(USED_BEFORE)
    if client is None or client.state != ClientState.ACTIVE:
        raise invalid_client("the client is suspended")
    return client


def proven_key(issuer: Issuer, proofs: tuple[str, ...], request: Expected) -> str | None:
    """The thumbprint that a new token is to be bound to; None when no proof was sent.

    Raises:
        OAuthError: `invalid_dpop_proof` or `use_dpop_nonce` when the proof does not hold.
    """
    if not proofs:
        return None
    try:
        proof = _read_one(issuer, proofs, request)
    except ProofError as error:
        raise OAuthError(error.code, f"The DPoP proof does not hold: {error}.") from None
    if not repository.use_once(issuer.engine, proof.digest, PROOF_KEPT):
        raise OAuthError("invalid_dpop_proof", f"The DPoP proof does not hold: {USED_BEFORE}.")
    return proof.thumbprint


def grant_to_client(
    issuer: Issuer, client: Client, form: Mapping[str, str], thumbprint: str | None
) -> Issued:
    """A token for the client itself.

    Raises:
        OAuthError: when it cannot have one, or not with these scopes, or not without a proof.
    """
    kind = ClientKind(client.kind)
    if kind is ClientKind.PORTAL:
        raise OAuthError("unauthorized_client", "A portal gets tokens by token exchange only.")
    scopes = requested_scopes(form, frozenset(map(Scope, client.scopes)))
    caller = Caller(str(client.id), CALLER_KIND[kind], scopes)
    return issue(issuer, caller, MAX_LIFETIME, thumbprint)


def requested_scopes(form: Mapping[str, str], allowed: frozenset[Scope]) -> frozenset[Scope]:
    """The scopes that are asked for; all that are allowed when none are.

    Raises:
        OAuthError: `invalid_scope` when one of them is not allowed, or there are none.
    """
    names = form.get("scope", "").split()
    wanted = {scope for scope in allowed if scope.value in names} if names else allowed
    if not wanted or len(wanted) < len(set(names)):
        raise OAuthError(
            "invalid_scope", "One of the scopes is unknown, or is not for this client or person."
        )
    return frozenset(wanted)


def issue(issuer: Issuer, caller: Caller, lifetime: timedelta, thumbprint: str | None) -> Issued:
    """Raises OAuthError: `invalid_dpop_proof` when the scopes ask for a key and there is none."""
    if thumbprint is None and needs_proof(caller.scopes):
        raise OAuthError(
            "invalid_dpop_proof", "These scopes need a token bound to a key: send a DPoP proof."
        )
    token = issuer.authority.issue(caller, lifetime, thumbprint)
    return Issued(token, lifetime, caller.scopes, thumbprint is not None)


def find_own_token(
    session: Session, issuer: Issuer, client: Client, form: Mapping[str, str]
) -> AccessToken | None:
    """The token in the form, while it holds and is the client's; others learn nothing of it.

    Raises:
        OAuthError: `invalid_request` when the form has no token.
    """
    if "token" not in form:
        raise invalid_request("Send the token as token.")
    try:
        token = issuer.authority.verify(form["token"])
    except InvalidAccessToken:
        return None
    is_own = token.caller.client == str(client.id)
    return token if is_own and not repository.is_revoked(session, token.id) else None
