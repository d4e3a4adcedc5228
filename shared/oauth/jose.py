"""Verification of compact JWS (RFC 7515) and import of public keys from JWK (RFC 7517)."""

import json
from collections.abc import Callable, Collection, Iterable, Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Any, NamedTuple

from joserfc import jwk, jws
from joserfc.errors import JoseError, UnsupportedAlgorithmError
from joserfc.jwk import ECKey, OKPKey, RSAKey
from joserfc.util import urlsafe_b64decode

from shared.core.strict_json import parse_json

PublicKey = ECKey | OKPKey | RSAKey

ALGORITHMS = ("ES256", "EdDSA", "Ed25519", "PS256")
"""The algorithms of clients (FAPI 2.0, section 5.4.1). `EdDSA` and `Ed25519` are two names of one
algorithm (RFC 8037, RFC 9864)."""

PROVIDER_ALGORITHMS = (*ALGORITHMS, "RS256")
"""The algorithms of the identity provider's tokens: ACM/IDM and most others sign with `RS256`."""

MAX_CHARACTERS = 4096
MAX_PROVIDER_CHARACTERS = 32 * 1024
"""The size of the identity provider's tokens: those of a person with many roles are long."""
MIN_RSA_BITS, MAX_RSA_BITS = 3072, 4096
"""The bits of a new RSA key: fewer than 3072 are less than 128 bits of security (ASVS 11.2.3)."""

MIN_PRESENT_RSA_BITS = 2048
"""The bits of keys that were registered before, and of the identity provider (FAPI 2.0)."""

MAX_ID_CHARACTERS = 128
LATEST_DATE = 253_402_300_799
"""The last second of the year 9999: no later time can be computed with."""

_EXAMPLE_THUMBPRINTS = frozenset(
    {
        "cn-I_WNMClehiVp51i_0VpOENW1upEerA8sEam5hn-s",  # RFC 7517, P-256
        "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs",  # RFC 7517, RSA
        "oKIywvGUpTVTyxMQ3bwIIeQUudfr_CkLMjCE19ECD-U",  # RFC 7515, P-256
        "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k",  # RFC 8037, Ed25519
        "19J8y7Zprt2-QKLjF2I5pVk0OELX6cY2AfaAv1LC_w8",  # jwt.io, P-256
    }
)
"""Thumbprints of keys in published examples, which contain the private key too."""

_SECRET_PARAMETERS = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})


class SignatureError(ValueError):
    """A JWS or JWK that is not valid; the message never quotes it."""


class WrongKeyError(SignatureError):
    """A JWS that none of the keys signed."""


class AlgorithmError(SignatureError):
    """A JWS whose `alg` is not accepted; the message names those that are."""


class VerifiedJws(NamedTuple):
    """The claims of a verified JWS, and the key that signed it."""

    claims: dict[str, Any]
    key: PublicKey


class _JwsSegments(NamedTuple):
    """The decoded segments of a compact JWS; `signed` is the input of `signature`."""

    header: Mapping[str, Any]
    algorithm: Any
    claims: dict[str, Any]
    signed: bytes
    signature: bytes


class _Registry(jws.JWSRegistry):
    """A registry that accepts `EdDSA` without the library's warning."""

    def get_alg(self, name: str) -> Any:
        if name not in PROVIDER_ALGORITHMS:
            raise UnsupportedAlgorithmError("the algorithm is not supported")
        return self.algorithms[name]


_REGISTRY = _Registry()
_DECODE_ERRORS = (JoseError, ValueError, KeyError, TypeError, AttributeError, RecursionError)
"""Errors that joserfc raises for a text that is not a valid JWS."""


def read_unverified(
    text: str, max_characters: int = MAX_CHARACTERS
) -> tuple[Mapping[str, Any], dict[str, Any]]:
    """Return the header and the claims; only form and size have been checked.

    Raises:
        SignatureError: when it is not a compact JWS of a JSON object.
    """
    segments = _decode(text, ALGORITHMS, max_characters)
    return segments.header, segments.claims


def verify(
    text: str,
    keys_for: Callable[[Mapping[str, Any]], Iterable[PublicKey]],
    types: frozenset[str],
    algorithms: Collection[str] = ALGORITHMS,
    max_characters: int = MAX_CHARACTERS,
) -> VerifiedJws:
    """Verify a compact JWS with one of the keys that `keys_for` returns for its header.

    `types` are the accepted values of `typ`, `algorithms` those of `alg`. Errors of `keys_for` pass
    through.

    Raises:
        WrongKeyError: when none of the keys signed it.
        SignatureError: when it is not valid; the message names the part that is wrong.
    """
    segments = _decode(text, algorithms, max_characters)
    header = segments.header
    if header["alg"] not in algorithms:
        raise _algorithm_error(algorithms)
    signer = next((key for key in keys_for(header) if _is_signed_by(key, segments)), None)
    if signer is None:
        raise WrongKeyError("it is not signed by this key")
    kind = header.get("typ", "")
    if not isinstance(kind, str) or kind.lower().removeprefix("application/") not in types:
        raise SignatureError("its typ is not accepted here")
    if "crit" in header or "b64" in header:
        raise SignatureError("it uses crit or b64, which are not supported")
    return VerifiedJws(segments.claims, signer)


def require_jti(claims: Mapping[str, Any]) -> str:
    """Return the `jti` of the claims; raise SignatureError when it is missing or not valid."""
    jti = claims.get("jti")
    if isinstance(jti, str) and 0 < len(jti) <= MAX_ID_CHARACTERS and jti.isprintable():
        return jti
    raise SignatureError(f"jti is not a string of 1 to {MAX_ID_CHARACTERS} printable characters")


def numeric_date(value: object) -> float | None:
    """Return a NumericDate (RFC 7519, section 2) of a year that a calendar has; None for others."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return value if 0 <= value <= LATEST_DATE else None


def fixed_key(key: PublicKey) -> Callable[[object], tuple[PublicKey]]:
    """Return a `keys_for` that always returns this key, whatever the header."""
    return lambda _: (key,)


def _is_signed_by(key: PublicKey, segments: _JwsSegments) -> bool:
    try:
        segments.algorithm.check_key(key)
        return bool(segments.algorithm.verify(segments.signed, segments.signature, key))
    except _DECODE_ERRORS:
        return False


def _algorithm_error(accepted: Collection[str]) -> AlgorithmError:
    return AlgorithmError(f"its alg is not one of {', '.join(accepted)}")


def _decode(text: str, algorithms: Collection[str], max_characters: int) -> _JwsSegments:
    if len(text) > max_characters:
        raise SignatureError(f"it is larger than {max_characters // 1024} KiB")
    if text.find(".") > MAX_CHARACTERS:
        raise SignatureError(f"its header is larger than {MAX_CHARACTERS // 1024} KiB")
    try:
        signed, signature = text.encode("ascii").rsplit(b".", 1)
        head, payload = signed.split(b".")
        header, algorithm = _decode_header(head)
        claims = parse_json(urlsafe_b64decode(payload))
        segments = _JwsSegments(header, algorithm, claims, signed, urlsafe_b64decode(signature))
    except UnsupportedAlgorithmError:
        raise _algorithm_error(algorithms) from None
    except _DECODE_ERRORS:
        raise SignatureError("it is not a signed token") from None
    if not isinstance(claims, dict):
        raise SignatureError("it is not a signed token")
    return segments


@lru_cache(maxsize=1024)
def _decode_header(segment: bytes) -> tuple[Mapping[str, Any], Any]:
    """Decode and check a header; return it with its algorithm.

    Cached: a client sends the same header each time, and the check is slow.
    """
    header = parse_json(urlsafe_b64decode(segment))
    _REGISTRY.check_header(header)
    return MappingProxyType(header), _REGISTRY.get_alg(header["alg"])


def public_key(parameters: Mapping[str, Any], min_rsa_bits: int = MIN_RSA_BITS) -> PublicKey:
    """Import a public JWK: P-256, Ed25519, or RSA of `min_rsa_bits` to 4096 bits.

    Raises:
        SignatureError: for any other key, one from a published example, or a private key.
    """
    if _SECRET_PARAMETERS & parameters.keys():
        raise SignatureError("the key has a private half; send the public key only")
    return _import_jwk(json.dumps(parameters, sort_keys=True), min_rsa_bits)


def is_example_key(key: jwk.Key) -> bool:
    """Return True for a key from a published example, with which anyone can sign."""
    return key.thumbprint() in _EXAMPLE_THUMBPRINTS


@lru_cache(maxsize=1024)
def _import_jwk(text: str, min_rsa_bits: int) -> PublicKey:
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
    if is_example_key(key):
        raise SignatureError("it is the key of an example, with which anyone can sign")
    if isinstance(key, ECKey) and key.curve_name == "P-256":
        return key
    if isinstance(key, OKPKey) and key.curve_name == "Ed25519":
        return key
    if isinstance(key, RSAKey) and min_rsa_bits <= key.raw_value.key_size <= MAX_RSA_BITS:
        return key
    raise SignatureError(
        f"the key is not P-256, Ed25519, or RSA of {min_rsa_bits} to {MAX_RSA_BITS} bits"
    )
