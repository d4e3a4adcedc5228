from typing import Any

import pytest
from joserfc.jwk import ECKey, OKPKey

from shared.oauth.jose import MIN_PRESENT_RSA_BITS, SignatureError, public_key
from tests.oauth.signing import KEY_FACTORIES, encoded

RFC_8037 = {"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}


def rsa_of(bits: int) -> dict[str, Any]:
    modulus = (1 << bits - 1) | 1
    return {"kty": "RSA", "e": "AQAB", "n": encoded(modulus.to_bytes(bits // 8))}


@pytest.mark.parametrize("algorithm", KEY_FACTORIES)
def test_the_thumbprint_does_not_depend_on_other_members(algorithm: str) -> None:
    key = KEY_FACTORIES[algorithm]()
    with_metadata = key.as_dict(private=False) | {"kid": "mine", "use": "sig", "alg": algorithm}
    assert public_key(with_metadata).thumbprint() == key.thumbprint()


@pytest.mark.filterwarnings("ignore:Key size")  # the library warns, we refuse
@pytest.mark.parametrize(
    ("jwk", "reason"),
    [
        (rsa_of(2048), "3072 to 4096 bits"),
        (rsa_of(8192), "3072 to 4096 bits"),
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
def test_weak_published_and_invalid_keys_are_rejected(jwk: dict[str, Any], reason: str) -> None:
    with pytest.raises(SignatureError, match=reason):
        public_key(jwk)


@pytest.mark.filterwarnings("ignore:Key size")  # the library warns, we refuse
def test_present_rsa_key_may_have_2048_bits() -> None:
    assert public_key(rsa_of(2048), MIN_PRESENT_RSA_BITS).thumbprint()
    with pytest.raises(SignatureError, match="2048 to 4096 bits"):
        public_key(rsa_of(1024), MIN_PRESENT_RSA_BITS)
