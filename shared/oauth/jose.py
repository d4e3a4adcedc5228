"""Reads what was signed: compact JWS of one type, by a key of a kind we take, nothing looser."""

import json
from collections.abc import Callable, Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Any, NamedTuple

from joserfc import jwk, jws
from joserfc.errors import JoseError, UnsupportedAlgorithmError
from joserfc.jwk import ECKey, OKPKey, RSAKey
from joserfc.util import urlsafe_b64decode

PublicKey = ECKey | OKPKey | RSAKey

ALGORITHMS = ("ES256", "EdDSA", "Ed25519", "RS256")
"""`EdDSA` and `Ed25519` are two names of one algorithm (RFC 8037, RFC 9864)."""

MAX_CHARACTERS = 4096
RSA_BITS = (2048, 4096)
MAX_ID_CHARACTERS = 128
LATEST_DATE = 253_402_300_799
"""The last second of the year 9999: no later time can be computed with."""

_PUBLISHED = frozenset(
    {
        "cn-I_WNMClehiVp51i_0VpOENW1upEerA8sEam5hn-s",  # RFC 7517, P-256
        "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs",  # RFC 7517, RSA
        "oKIywvGUpTVTyxMQ3bwIIeQUudfr_CkLMjCE19ECD-U",  # RFC 7515, P-256
        "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k",  # RFC 8037, Ed25519
        "19J8y7Zprt2-QKLjF2I5pVk0OELX6cY2AfaAv1LC_w8",  # jwt.io, P-256
    }
)
"""Thumbprints of keys that people copy from examples, which print the private half too."""

_PRIVATE_OR_SHARED = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})


class SignatureError(ValueError):
    """What was sent is not signed as it has to be; the message never quotes it."""


class Signed(NamedTuple):
    claims: dict[str, Any]
    key: PublicKey


class _Parts(NamedTuple):
    """Of a compact JWS; `signed` is what `signature` is of."""

    header: Mapping[str, Any]
    algorithm: Any
    claims: dict[str, Any]
    signed: bytes
    signature: bytes


class _Registry(jws.JWSRegistry):
    """Takes `EdDSA` without the library's warning."""

    def get_alg(self, name: str) -> Any:
        if name not in ALGORITHMS:
            raise UnsupportedAlgorithmError("the algorithm is not one of ours")
        return self.algorithms[name]


_REGISTRY = _Registry()
_WRONG = (JoseError, ValueError, KeyError, TypeError, AttributeError, RecursionError)
"""What the library raises for what is no token, or not one of ours."""


def peek(text: str) -> tuple[Mapping[str, Any], dict[str, Any]]:
    """Header and claims, of which nothing has been checked but form and size.

    Raises:
        SignatureError: when it is no compact JWS with a JSON object in it.
    """
    parts = _read(text)
    return parts.header, parts.claims


def verify(
    text: str, key_for: Callable[[Mapping[str, Any]], PublicKey], types: frozenset[str]
) -> Signed:
    """What the key for the header has signed; `types` are the values of `typ` that are taken.

    Raises:
        SignatureError: whatever is wrong with it. What `key_for` raises is not touched.
    """
    parts = _read(text)
    header, key = parts.header, key_for(parts.header)
    try:
        parts.algorithm.check_key(key)
        is_signed = parts.algorithm.verify(parts.signed, parts.signature, key)
    except _WRONG:
        is_signed = False
    if not is_signed:
        raise SignatureError("it is not signed by this key")
    kind = header.get("typ", "")
    if not isinstance(kind, str) or kind.lower().removeprefix("application/") not in types:
        raise SignatureError("it is of another type")
    if "crit" in header or "b64" in header:
        raise SignatureError("it asks for extensions that are not known here")
    return Signed(parts.claims, key)


def require_id(claims: Mapping[str, Any]) -> str:
    """What the claims say as `jti`; raises SignatureError when it could not be kept."""
    given = claims.get("jti")
    if isinstance(given, str) and 0 < len(given) <= MAX_ID_CHARACTERS and given.isprintable():
        return given
    raise SignatureError(f"jti is not a text of 1 to {MAX_ID_CHARACTERS} printable characters")


def numeric_date(value: object) -> float | None:
    """Return a NumericDate (RFC 7519, section 2) of a year that a calendar has; None for others."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return value if 0 <= value <= LATEST_DATE else None


def only(key: PublicKey) -> Callable[[object], PublicKey]:
    """For `verify`, where it is known beforehand which key it has to be."""
    return lambda _: key


def _read(text: str) -> _Parts:
    if len(text) > MAX_CHARACTERS:
        raise SignatureError("it is too large")
    try:
        signed, signature = text.encode("ascii").rsplit(b".", 1)
        head, payload = signed.split(b".")
        header, algorithm = _header(head)
        claims = json.loads(urlsafe_b64decode(payload), parse_constant=_refuse)
        parts = _Parts(header, algorithm, claims, signed, urlsafe_b64decode(signature))
    except _WRONG:
        raise SignatureError("it is not a signed token") from None
    if not isinstance(claims, dict):
        raise SignatureError("it is not a signed token")
    return parts


def _refuse(constant: str) -> None:
    """`NaN` and the like, which Python would take and JSON does not have."""
    raise ValueError(constant)


@lru_cache(maxsize=1024)
def _header(segment: bytes) -> tuple[Mapping[str, Any], Any]:
    """With its algorithm. All that one key signs has the same, and it is long to check."""
    header = json.loads(urlsafe_b64decode(segment))
    _REGISTRY.check_header(header)
    return MappingProxyType(header), _REGISTRY.get_alg(header["alg"])


def public_key(parameters: Mapping[str, Any]) -> PublicKey:
    """The key that a JWK describes: P-256, Ed25519, or RSA of 2048 to 4096 bits.

    Raises:
        SignatureError: for any other, for one out of an example, and for one with a private half.
    """
    if _PRIVATE_OR_SHARED & parameters.keys():
        raise SignatureError("the key has a private half; send the public half alone")
    return _public_key(json.dumps(parameters, sort_keys=True))


def is_published(key: jwk.Key) -> bool:
    """Whether anyone can sign with it, since its private half stands in an example."""
    return key.thumbprint() in _PUBLISHED


@lru_cache(maxsize=1024)
def _public_key(text: str) -> PublicKey:
    parameters = json.loads(text)
    try:
        key = jwk.import_key(
            {
                name: parameters[name]
                for name in ("kty", "crv", "x", "y", "n", "e")
                if name in parameters
            }
        )
    except (JoseError, ValueError, TypeError, AttributeError):
        raise SignatureError("it is not a public key") from None
    if is_published(key):
        raise SignatureError("it is the key of an example, which anyone can sign with")
    if isinstance(key, ECKey) and key.curve_name == "P-256":
        return key
    if isinstance(key, OKPKey) and key.curve_name == "Ed25519":
        return key
    if isinstance(key, RSAKey) and RSA_BITS[0] <= key.raw_value.key_size <= RSA_BITS[1]:
        return key
    raise SignatureError("the key is not P-256, Ed25519, or RSA of 2048 to 4096 bits")
