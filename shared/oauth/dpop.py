"""DPoP proofs (RFC 9449): a client proves possession of the key that its token is bound to."""

import hmac
import re
from base64 import urlsafe_b64encode
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from urllib.parse import urlsplit

from shared.core.constant_time import is_equal
from shared.oauth import jose
from shared.oauth.jose import SignatureError
from shared.oauth.signing_keys import DatedSecrets, latest_in_effect

TYPES = frozenset({"dpop+jwt"})
NONCE_SECONDS = 150
"""Seconds for which the same nonce is issued; it is accepted for twice as long."""

MAX_CLOCK_OFFSET_SECONDS = 300
"""How far `iat` may be from our clock, either way. The nonce, not `iat`, shows that a proof is
recent: a client with a wrong clock is served (RFC 9449, section 8)."""

REPLAY_SECONDS = 2 * NONCE_SECONDS
"""For how long after its first use a proof could be accepted again: as long as its nonce."""

_PLAIN_URL = re.compile(r"[a-zA-Z]+://(?:(?![@/?#\\])[!-~])+(?:[/?#][!-~]*)?")
"""An absolute URL without user information, spaces and control characters; `urlsplit` drops some
of these, and would find two different texts equal."""

_DEFAULT_PORTS = {"http": 80, "https": 443}


class ProofError(ValueError):
    """A proof that is not valid; the message names the part that is wrong."""

    code = "invalid_dpop_proof"


class NonceMissingError(ProofError):
    """A proof that is valid but for its nonce; the response contains the nonce to use."""

    code = "use_dpop_nonce"


@dataclass(frozen=True, slots=True)
class Nonces:
    """Stateless nonces, derived from the time and a secret.

    A secret issues nonces from its start day on; it verifies them before that day, too.
    """

    secrets: DatedSecrets

    def at(self, now: float) -> str:
        return _nonce(latest_in_effect(self.secrets), int(now // NONCE_SECONDS))

    def accepts(self, nonce: object, now: float) -> bool:
        window = int(now // NONCE_SECONDS)
        return any(
            is_equal(nonce, _nonce(secret, number))
            for _, secret in self.secrets
            for number in (window, window - 1)
        )


@dataclass(frozen=True, slots=True)
class ExpectedRequest:
    """The request that a proof has to match; `token` is None at the token endpoint."""

    method: str
    url: str
    token: str | None = None


@dataclass(frozen=True, slots=True)
class Proof:
    """A valid DPoP proof, unless its `jti` was used before."""

    thumbprint: str
    id: str

    @property
    def digest(self) -> bytes:
        return sha256(f"proof {self.thumbprint} {self.id}".encode()).digest()


def verify_proof(text: str, expected: ExpectedRequest, nonces: Nonces, now: float) -> Proof:
    """Verify a DPoP proof against the request it came with.

    Raises:
        NonceMissingError: when only the nonce is wrong or missing.
        ProofError: when anything else is wrong.
    """
    try:
        claims, key = jose.verify(text, lambda header: (jose.public_key(header["jwk"]),), TYPES)
    except jose.AlgorithmError as error:
        raise ProofError(str(error)) from None
    except (SignatureError, KeyError, TypeError, AttributeError):
        raise ProofError("it is not signed by the key in its header") from None
    try:
        proof = Proof(key.thumbprint(), jose.require_jti(claims))
    except SignatureError as error:
        raise ProofError(str(error)) from None
    if claims.get("htm") != expected.method:
        raise ProofError("htm is not the method of the request")
    if not isinstance(claims.get("htu"), str) or not _is_same_url(claims["htu"], expected.url):
        origin = "://".join(urlsplit(expected.url)[:2])
        raise ProofError(f"htu is not the URL of the request, which starts with {origin}")
    if not _is_near(claims.get("iat"), now):
        raise ProofError(f"iat is more than {MAX_CLOCK_OFFSET_SECONDS} s from now; check the clock")
    if expected.token is not None and not is_equal(claims.get("ath"), token_hash(expected.token)):
        raise ProofError("ath is not the hash of the token")
    if not nonces.accepts(claims.get("nonce"), now):
        raise NonceMissingError("nonce is not the value of the last DPoP-Nonce header")
    return proof


@lru_cache(maxsize=16)
def _nonce(secret: bytes, window: int) -> str:
    digest = hmac.digest(secret, f"nonce {window}".encode(), "sha256")
    return urlsafe_b64encode(digest[:18]).decode()


def token_hash(token: str) -> str:
    """Return the hash of a token, as a proof contains it in `ath`."""
    return urlsafe_b64encode(sha256(token.encode()).digest()).rstrip(b"=").decode()


def _is_near(value: object, now: float) -> bool:
    issued_at = jose.numeric_date(value)
    return issued_at is not None and abs(issued_at - now) <= MAX_CLOCK_OFFSET_SECONDS


def _is_same_url(url: str, expected: str) -> bool:
    if not _PLAIN_URL.fullmatch(url):
        return False
    try:
        return url == expected or _normalized(url) == _normalized(expected)
    except ValueError:
        return False


def _normalized(url: str) -> tuple[str, str | None, int | None, str]:
    """Return the parts of a URL to compare: scheme, host, port and path (RFC 9449, 4.3)."""
    parts = urlsplit(url)
    scheme = parts.scheme.lower()
    return scheme, parts.hostname, parts.port or _DEFAULT_PORTS.get(scheme), parts.path or "/"
