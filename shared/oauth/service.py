"""Use cases of tokens: validate, issue, introspect and revoke access tokens."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Self
from uuid import UUID

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from shared.access.rules import Caller, Scope
from shared.core.constant_time import is_equal
from shared.core.errors import InvalidAccessToken
from shared.core.unit_of_work import UnitOfWork
from shared.oauth import jose, repository
from shared.oauth.assertions import (
    ASSERTION_TYPE,
    CLOCK_SKEW_SECONDS,
    Assertion,
    placeholder_key,
    unverified_client_id,
    verify_assertion,
)
from shared.oauth.clients import repository as clients
from shared.oauth.clients.rules import CALLER_KIND, ClientKind, ClientState
from shared.oauth.dpop import (
    REPLAY_SECONDS,
    ExpectedRequest,
    Nonces,
    Proof,
    ProofError,
    verify_proof,
)
from shared.oauth.errors import (
    EndedAccessToken,
    InvalidProof,
    OAuthError,
    invalid_client,
    invalid_request,
)
from shared.oauth.jose import SignatureError
from shared.oauth.tokens import MAX_LIFETIME, AccessToken, TokenAuthority

PROOF_RETENTION = timedelta(seconds=REPLAY_SECONDS + CLOCK_SKEW_SECONDS)
REPLAYED = "its jti was used before; sign a new one for each request"


@dataclass(frozen=True, slots=True)
class Issuer:
    """The resources of the authorization server: database, signing keys and nonces.

    Each statement on `engine` commits: what is used up stays used up when the request fails, and
    a transaction that has only read need not end in a rollback, after which psycopg prepares all
    statements of the connection again.
    """

    engine: Engine
    authority: TokenAuthority
    nonces: Nonces

    @classmethod
    def of(cls, engine: Engine, authority: TokenAuthority) -> Self:
        committing = engine.execution_options(isolation_level="AUTOCOMMIT")
        return cls(committing, authority, Nonces(authority.keys.derive_secrets("nonces")))


@dataclass(frozen=True, slots=True)
class PresentedToken:
    """An access token as received, with the DPoP proofs, and the request."""

    token: str
    proofs: tuple[str, ...]
    request: ExpectedRequest


@dataclass(frozen=True, slots=True)
class VerifiedToken:
    """A token of ours that has not expired, and the proof that it came with.

    The database may still know that the token has ended or lost scopes, or the proof used before.
    """

    token: AccessToken
    proof: Proof


@dataclass(frozen=True, slots=True)
class AuthenticatedClient:
    """A client that has authenticated, with the thumbprint of the key that signed its assertion."""

    id: UUID
    kind: ClientKind
    scopes: frozenset[Scope]
    key: str


@dataclass(frozen=True, slots=True)
class IssuedToken:
    """A new access token of a caller, bound to the key of a DPoP proof."""

    caller: Caller
    token: str
    lifetime: timedelta
    scopes: frozenset[Scope]


def verify_token(issuer: Issuer, presented: PresentedToken) -> VerifiedToken:
    """Verify an access token and its DPoP proof as far as that needs no database.

    Raises:
        InvalidAccessToken: when the token is not valid.
        InvalidProof: when the proof is missing or not valid.
    """
    token = issuer.authority.verify(presented.token)
    proof = _verify_proof_of_token(issuer, presented)
    if not is_equal(proof.thumbprint, token.thumbprint):
        raise InvalidProof("its key is not the key that the token is bound to")
    return VerifiedToken(token, proof)


def validate_token(unit: UnitOfWork, verified: VerifiedToken) -> AccessToken:
    """Validate a verified token with the database, and use up its proof, even after a rollback.

    The returned token has the scopes that its client and its person still have, and the schools
    that a school reads. The unit acts for the caller from here on.

    Raises:
        EndedAccessToken: when the token was revoked, its client suspended, or the client's key
            removed.
        InvalidProof: when the proof was used before.
    """
    digest = verified.proof.digest
    status = repository.check_token(unit, verified.token, digest, PROOF_RETENTION)
    if not status.is_first_use:
        raise InvalidProof(REPLAYED)
    if status.is_ended:
        raise EndedAccessToken(verified.token.caller)
    caller = replace(verified.token.caller, scopes=status.scopes)
    return replace(verified.token, caller=caller, schools=status.schools)


def current_scopes(session: Session, token: AccessToken) -> frozenset[Scope]:
    """Return the scopes that a validated token has now; none after its end, though not expired."""
    return repository.current_scopes(session, [token])[0]


def _verify_proof_of_token(issuer: Issuer, presented: PresentedToken) -> Proof:
    try:
        return _verify_single_proof(issuer, presented.proofs, presented.request)
    except ProofError as error:
        raise InvalidProof(str(error), error=error.code) from None


def _verify_single_proof(
    issuer: Issuer, proofs: tuple[str, ...], request: ExpectedRequest
) -> Proof:
    if len(proofs) != 1:
        raise ProofError("send exactly one DPoP proof")
    return verify_proof(proofs[0], request, issuer.nonces, time.time())


def authenticate_client(issuer: Issuer, form: Mapping[str, str]) -> AuthenticatedClient:
    """Authenticate the client by the assertion in the form.

    The assertion of an active client is used up, whatever is refused afterwards: nobody that saw it
    can use it again. A client that is not registered or is suspended writes no row, and is refused
    after the same steps as a known one.

    Raises:
        OAuthError: `invalid_client`, whatever the reason.
    """
    if form.get("client_assertion_type") != ASSERTION_TYPE or "client_assertion" not in form:
        raise invalid_client("send a client_assertion of type private_key_jwt")
    text = form["client_assertion"]
    try:
        client_id = unverified_client_id(text)
        with Session(issuer.engine) as session:
            client = clients.find_client(session, client_id)
            keys = clients.keys_of(session, [client_id])
        usable = [jose.public_key(key.jwk, jose.MIN_PRESENT_RSA_BITS) for key in keys]
        usable = usable or [placeholder_key()]
        assertion = verify_assertion(text, client_id, usable, issuer.authority.issuer, time.time())
    except SignatureError as error:
        raise invalid_client(str(error)) from None
    if client is None or client.state != ClientState.ACTIVE:
        raise invalid_client("the client is suspended")
    _use_assertion(issuer, assertion)
    if assertion.fault is not None:
        raise invalid_client(assertion.fault)
    if form.get("client_id", str(client_id)) != str(client_id):
        raise invalid_client("client_id is not the sub of the assertion")
    scopes = frozenset(map(Scope, client.scopes))
    return AuthenticatedClient(client.id, ClientKind(client.kind), scopes, assertion.key)


def _use_assertion(issuer: Issuer, assertion: Assertion) -> None:
    """Use the assertion up; raise OAuthError `invalid_client` when it was used before."""
    seconds = assertion.expires_at - time.time() + 2 * CLOCK_SKEW_SECONDS
    if not repository.record_first_use(issuer.engine, assertion.digest, timedelta(seconds=seconds)):
        raise invalid_client(REPLAYED)


def verify_binding(
    issuer: Issuer, proofs: tuple[str, ...], request: ExpectedRequest
) -> Proof | None:
    """Verify the proof of the key that a new token is bound to; None when no proof was sent.

    Raises:
        OAuthError: `invalid_dpop_proof` or `use_dpop_nonce` when the proof is not valid.
    """
    if not proofs:
        return None
    try:
        return _verify_single_proof(issuer, proofs, request)
    except ProofError as error:
        raise OAuthError(error.code, f"The DPoP proof is not valid: {error}.") from None


def use_binding(issuer: Issuer, proof: Proof) -> None:
    """Use the proof up; raise OAuthError `invalid_dpop_proof` when it was used before."""
    if not repository.record_first_use(issuer.engine, proof.digest, PROOF_RETENTION):
        raise OAuthError("invalid_dpop_proof", f"The DPoP proof is not valid: {REPLAYED}.")


def issue_to_client(
    issuer: Issuer, client: AuthenticatedClient, form: Mapping[str, str], thumbprint: str | None
) -> IssuedToken:
    """Issue a token to a client for itself (client credentials grant).

    Raises:
        OAuthError: for a portal, for scopes that are not registered, or without a DPoP proof.
    """
    if client.kind is ClientKind.PORTAL:
        raise OAuthError("unauthorized_client", "A portal gets tokens by token exchange only.")
    scopes = requested_scopes(form, client.scopes)
    caller = Caller(str(client.id), CALLER_KIND[client.kind], scopes)
    return issue(issuer, caller, MAX_LIFETIME, thumbprint, client.key)


def requested_scopes(form: Mapping[str, str], allowed: frozenset[Scope]) -> frozenset[Scope]:
    """Return the requested scopes, or all allowed scopes when the form has no `scope`.

    Raises:
        OAuthError: `invalid_scope` when one of them is not allowed, or none is left.
    """
    names = form.get("scope", "").split()
    scopes = {scope for scope in allowed if scope.value in names} if names else allowed
    if not scopes or len(scopes) < len(set(names)):
        raise OAuthError(
            "invalid_scope",
            "One of the scopes is unknown, or not allowed for this client or person.",
        )
    return frozenset(scopes)


def issue(
    issuer: Issuer,
    caller: Caller,
    lifetime: timedelta,
    thumbprint: str | None,
    client_key: str,
) -> IssuedToken:
    """Issue an access token for a caller, whose client has authenticated with the key.

    Raises:
        OAuthError: `invalid_dpop_proof` without the key of a proof.
    """
    if thumbprint is None:
        raise OAuthError("invalid_dpop_proof", "Every token is bound to a key: send a DPoP proof.")
    token = issuer.authority.issue(caller, lifetime, thumbprint, client_key)
    return IssuedToken(caller, token, lifetime, caller.scopes)


def find_own_token(
    session: Session, issuer: Issuer, client: AuthenticatedClient, form: Mapping[str, str]
) -> AccessToken | None:
    """Return the token in the form, with its present scopes, if it is active and of the client.

    Raises:
        OAuthError: `invalid_request` when the form has no token.
    """
    if "token" not in form:
        raise invalid_request("Send the token in the parameter token.")
    try:
        token = issuer.authority.verify(form["token"])
    except InvalidAccessToken:
        return None
    if token.caller.client != str(client.id):
        return None
    scopes = current_scopes(session, token)
    return replace(token, caller=replace(token.caller, scopes=scopes)) if scopes else None
