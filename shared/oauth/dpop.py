"""Proofs of possession (DPoP, RFC 9449): that who sends a token holds the key it is bound to."""

import hmac
from base64 import urlsafe_b64encode
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from hashlib import sha256
from urllib.parse import urlsplit

from shared.oauth import jose
from shared.oauth.jose import SignatureError
from shared.oauth.signing_keys import latest_begun

TYPES = frozenset({"dpop+jwt"})
MAX_AGE_SECONDS = 60
MAX_AHEAD_SECONDS = 5
NONCE_SECONDS = 150
"""For so long one nonce is handed out; it is taken for as long again."""

_DEFAULT_PORTS = {"http": 80, "https": 443}


class ProofError(ValueError):
    """A proof that proves nothing; the message says which of its parts is wrong."""

    code = "invalid_dpop_proof"


class NonceMissingError(ProofError):
    """A proof that is right but for its nonce; a new one has to hold the one we hand out."""

    code = "use_dpop_nonce"


@dataclass(frozen=True, slots=True)
class Nonces:
    """Nonces of which none is stored: they are made of the time and a secret.

    A secret hands out from its day on, and is known before and after.
    """

    secrets: tuple[tuple[date, bytes], ...]

    def at(self, now: float) -> str:
        return _nonce(latest_begun(self.secrets), int(now // NONCE_SECONDS))

    def accepts(self, nonce: object, now: float) -> bool:
        window = int(now // NONCE_SECONDS)
        return isinstance(nonce, str) and any(
            hmac.compare_digest(nonce.encode(errors="replace"), _nonce(secret, number).encode())
            for _, secret in self.secrets
            for number in (window, window - 1)
        )


@dataclass(frozen=True, slots=True)
class Expected:
    """The request that a proof has to be about; `token` is None where one is asked for."""

    method: str
    url: str
    token: str | None = None


@dataclass(frozen=True, slots=True)
class Proof:
    """A proof that holds for one request, if it was never used before."""

    thumbprint: str
    id: str

    @property
    def digest(self) -> bytes:
        return sha256(f"proof {self.thumbprint} {self.id}".encode()).digest()


def read_proof(text: str, expected: Expected, nonces: Nonces, now: float) -> Proof:
    """The proof, if it is about this request and this token.

    Raises:
        NonceMissingError: when nothing but the nonce is wrong.
        ProofError: when anything else is.
    """
    try:
        claims, key = jose.verify(text, lambda header: jose.public_key(header["jwk"]), TYPES)
    except (SignatureError, KeyError, TypeError, AttributeError):
        raise ProofError("it is not signed by the key in its header") from None
    try:
        proof = Proof(key.thumbprint(), jose.require_id(claims))
    except SignatureError as error:
        raise ProofError(str(error)) from None
    if claims.get("htm") != expected.method:
        raise ProofError("htm is not the method of the request")
    if not isinstance(claims.get("htu"), str) or not _is_same_url(claims["htu"], expected.url):
        raise ProofError("htu is not the address of the request")
    if not _is_recent(claims.get("iat"), now):
        raise ProofError("iat is not now; see that the clock is right")
    if expected.token is not None and claims.get("ath") != hash_of(expected.token):
        raise ProofError("ath is not the hash of the token")
    if not nonces.accepts(claims.get("nonce"), now):
        raise NonceMissingError("nonce is not the one of the last DPoP-Nonce")
    return proof


@lru_cache(maxsize=16)
def _nonce(secret: bytes, window: int) -> str:
    digest = hmac.digest(secret, f"nonce {window}".encode(), "sha256")
    return urlsafe_b64encode(digest[:18]).decode()


def hash_of(token: str) -> str:
    """What a proof says as `ath` of the token it goes with."""
    return urlsafe_b64encode(sha256(token.encode()).digest()).rstrip(b"=").decode()


def _is_recent(issued_at: object, now: float) -> bool:
    return (
        isinstance(issued_at, int | float)
        and not isinstance(issued_at, bool)
        and now - MAX_AGE_SECONDS <= issued_at <= now + MAX_AHEAD_SECONDS
    )


def _is_same_url(given: str, expected: str) -> bool:
    try:
        return given == expected or _normal(given) == _normal(expected)
    except ValueError:
        return False


def _normal(url: str) -> tuple[str, str | None, int | None, str]:
    """Without query and fragment, and without what may be written in two ways."""
    parts = urlsplit(url)
    scheme = parts.scheme.lower()
    return scheme, parts.hostname, parts.port or _DEFAULT_PORTS.get(scheme), parts.path or "/"
