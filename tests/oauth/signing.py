"""Valid and invalid JWTs, for the tests of their verification."""

import hmac
import json
from base64 import urlsafe_b64encode
from collections.abc import Callable, Mapping
from typing import Any

from joserfc.jwk import ECKey, OKPKey, RSAKey
from joserfc.jws import JWSRegistry

KEY_FACTORIES: dict[str, Callable[[], Any]] = {
    "ES256": lambda: ECKey.generate_key("P-256"),
    "PS256": lambda: RSAKey.generate_key(3072),
    "EdDSA": lambda: OKPKey.generate_key("Ed25519"),
    "Ed25519": lambda: OKPKey.generate_key("Ed25519"),
}
"""A function that generates a key, per algorithm that a client may sign with."""

Header = Mapping[str, Any]
Claims = Mapping[str, Any]


def signed(header: Header, claims: Claims, key: Any) -> str:
    """Sign with any header; a library rejects some of these."""
    body = _body(header, claims)
    algorithm = JWSRegistry.algorithms[header["alg"]]
    return f"{body}.{encoded(algorithm.sign(body.encode(), key))}"


def signed_texts(header: str, claims: str, key: Any) -> str:
    """Sign with ES256 two texts, which need not be what a serializer writes."""
    body = f"{encoded(header.encode())}.{encoded(claims.encode())}"
    return f"{body}.{encoded(JWSRegistry.algorithms['ES256'].sign(body.encode(), key))}"


def unsigned(header: Header, claims: Claims) -> str:
    return f"{_body(dict(header) | {'alg': 'none'}, claims)}."


def with_public_key_as_secret(header: Header, claims: Claims, key: Any) -> str:
    """Sign with HMAC and the public key, an attack on verifiers that trust `alg`."""
    body = _body(dict(header) | {"alg": "HS256"}, claims)
    return f"{body}.{encoded(hmac.digest(key.as_pem(private=False), body.encode(), 'sha256'))}"


def encoded(content: bytes) -> str:
    return urlsafe_b64encode(content).rstrip(b"=").decode()


def _body(header: Header, claims: Claims) -> str:
    return ".".join(encoded(json.dumps(part).encode()) for part in (header, claims))
