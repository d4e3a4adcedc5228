from typing import Any

import pytest
from joserfc.jwk import ECKey, OKPKey

from shared.oauth.jose import SignatureError, public_key
from tests.oauth.signing import MADE_WITH, encoded

RFC_8037 = {"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}


def rsa_of(bits: int) -> dict[str, Any]:
    modulus = (1 << bits - 1) | 1
    return {"kty": "RSA", "e": "AQAB", "n": encoded(modulus.to_bytes(bits // 8))}


@pytest.mark.parametrize("algorithm", MADE_WITH)
def test_a_key_is_known_by_its_thumbprint_whatever_else_is_said_of_it(algorithm: str) -> None:
    key = MADE_WITH[algorithm]()
    named = key.as_dict(private=False) | {"kid": "mine", "use": "sig", "alg": algorithm}
    assert public_key(named).thumbprint() == key.thumbprint()


@pytest.mark.filterwarnings("ignore:Key size")  # the library warns, we refuse
@pytest.mark.parametrize(
    ("jwk", "reason"),
    [
        (rsa_of(1024), "2048 to 4096 bits"),
        (rsa_of(8192), "2048 to 4096 bits"),
        (ECKey.generate_key("P-384").as_dict(private=False), "P-256"),
        (OKPKey.generate_key("X25519").as_dict(private=False), "Ed25519"),
        (RFC_8037, "key of an example"),
        ({"kty": "oct", "k": "c2VjcmV0"}, "private half"),
        (ECKey.generate_key("P-256").as_dict(private=True), "private half"),
        ({"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA"}, "not a public key"),
        ({"kty": "EC", "crv": ["P-256"]}, "not a public key"),
        ({}, "not a public key"),
    ],
)
def test_a_key_that_is_weak_or_known_or_none_is_refused(jwk: dict[str, Any], reason: str) -> None:
    with pytest.raises(SignatureError, match=reason):
        public_key(jwk)
