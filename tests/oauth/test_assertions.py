import math
import time
from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

import pytest
from joserfc.jwk import ECKey, RSAKey

from shared.oauth.assertions import (
    CLOCK_SKEW_SECONDS,
    MAX_LIFETIME_SECONDS,
    Assertion,
    unverified_client_id,
    verify_assertion,
)
from shared.oauth.jose import SignatureError
from tests.oauth.signing import KEY_FACTORIES, signed, unsigned, with_public_key_as_secret

CLIENT = uuid4()
KEY = ECKey.generate_key("P-256")
ISSUER = "https://api.example"
NOW = time.time()
HEADER = {"alg": "ES256", "typ": "JWT"}


def claims(**changes: Any) -> dict[str, Any]:
    defaults = {
        "iss": str(CLIENT),
        "sub": str(CLIENT),
        "aud": ISSUER,
        "exp": NOW + 60,
        "jti": "1",
    }
    return {name: value for name, value in (defaults | changes).items() if value is not None}


def read(text: str, *keys: Any) -> Assertion:
    return verify_assertion(text, CLIENT, keys or [KEY], ISSUER, NOW)


@pytest.mark.parametrize("algorithm", KEY_FACTORIES)
def test_an_assertion_may_be_signed_by_any_key_of_the_client(algorithm: str) -> None:
    key = KEY_FACTORIES[algorithm]()
    text = signed({"alg": algorithm}, claims(), key)
    assert read(text, KEY, key) == Assertion(CLIENT, "1", NOW + 60, key.thumbprint())


@pytest.mark.parametrize(
    "changes",
    [
        {"exp": NOW + MAX_LIFETIME_SECONDS},
        {"iat": NOW, "nbf": NOW},
        {"iat": NOW + 10, "nbf": NOW + 10},
    ],
)
def test_times_within_bounds_are_accepted(changes: dict[str, Any]) -> None:
    assert read(signed(HEADER, claims(**changes), KEY)).id == "1"


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"iss": str(uuid4())}, "iss and sub"),
        ({"iss": None}, "iss and sub"),
        ({"iss": str(uuid4()), "sub": str(uuid4())}, "iss and sub"),
        ({"aud": "https://other.example"}, "aud"),
        ({"aud": "https://api.example/"}, "aud"),
        ({"aud": "https://api.example/oauth2/token"}, "aud is not the issuer"),
        ({"aud": ["https://api.example"]}, "single string"),
        ({"aud": ["https://other.example", "https://api.example"]}, "aud"),
        ({"aud": []}, "aud"),
        ({"aud": None}, "aud"),
        ({"exp": NOW - CLOCK_SKEW_SECONDS}, "exp has passed; check the clock"),
        ({"exp": None}, "exp is missing"),
        ({"exp": "tomorrow"}, "exp is missing, or not a time"),
        ({"exp": 1e300}, "exp"),
        ({"exp": [NOW + 60]}, "exp"),
        ({"iss": [str(CLIENT)]}, "iss and sub"),
        ({"aud": [["https://api.example"]]}, "aud"),
        ({"exp": NOW + MAX_LIFETIME_SECONDS + 1}, "lifetime is longer"),
        ({"jti": None}, "jti"),
        ({"jti": ""}, "jti"),
        ({"jti": "x" * 129}, "jti"),
        ({"jti": 1}, "jti"),
        ({"jti": "\ud800"}, "jti"),
        ({"aud": [{}]}, "aud"),
    ],
)
def test_the_error_names_a_wrong_or_missing_claim(changes: dict[str, Any], reason: str) -> None:
    with pytest.raises(SignatureError, match=reason):
        read(signed(HEADER, claims(**changes), KEY))


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({}, None),
        ({"iat": -1e300}, "iat is in the future; check the clock"),
        ({"iat": NOW + 61}, "iat is in the future; check the clock"),
        ({"nbf": NOW + 61}, "nbf is in the future; check the clock"),
    ],
)
def test_assertion_that_is_not_valid_yet_has_a_fault(
    changes: dict[str, Any], fault: str | None
) -> None:
    assert read(signed(HEADER, claims(**changes), KEY)).fault == fault


@pytest.mark.parametrize(
    "text",
    [
        signed(HEADER, claims(), ECKey.generate_key("P-256")),
        signed(HEADER | {"jwk": KEY.as_dict(private=False)}, claims(), ECKey.generate_key("P-256")),
        signed(HEADER | {"typ": "at+jwt"}, claims(), KEY),
        signed(HEADER | {"typ": "dpop+jwt"}, claims(), KEY),
        signed(HEADER | {"crit": ["b64"], "b64": True}, claims(), KEY),
        signed(HEADER | {"b64": False}, claims(), KEY),
        signed(HEADER, claims(exp=math.nan), KEY),
        signed(HEADER, claims(padding="x" * 5000), KEY),
        "nonsense",
    ],
)
def test_an_assertion_without_a_valid_signature_is_rejected(text: str) -> None:
    with pytest.raises(SignatureError, match="not signed by a registered key"):
        read(text)


@pytest.mark.parametrize("read_text", [read, unverified_client_id])
@pytest.mark.parametrize(
    "text",
    [
        unsigned(HEADER, claims()),
        with_public_key_as_secret(HEADER, claims(), KEY),
        signed({"alg": "ES384"}, claims(), ECKey.generate_key("P-384")),
    ],
)
def test_unknown_algorithm_is_rejected_with_those_to_use(
    read_text: Callable[[str], object], text: str
) -> None:
    with pytest.raises(SignatureError, match=r"alg is not one of ES256, EdDSA, Ed25519, PS256$"):
        read_text(text)


def test_algorithm_of_the_provider_alone_is_rejected_with_those_to_use() -> None:
    key = RSAKey.generate_key(3072)
    with pytest.raises(SignatureError, match=r"alg is not one of ES256, EdDSA, Ed25519, PS256$"):
        read(signed({"alg": "RS256"}, claims(), key), key)


@pytest.mark.parametrize("subject", ["me", "", None, 7, ["x"]])
def test_an_assertion_without_a_client_id_is_rejected(subject: object) -> None:
    with pytest.raises(SignatureError):
        unverified_client_id(signed(HEADER, claims(sub=subject), KEY))


def test_assertion_ids_are_scoped_per_client() -> None:
    digests = {Assertion(client, "1", NOW, "key").digest for client in (CLIENT, UUID(int=1))}
    assert len(digests) == 2
