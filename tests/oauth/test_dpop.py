import time
from datetime import date
from typing import Any

import pytest
from joserfc.jwk import ECKey

from shared.oauth.dpop import (
    MAX_CLOCK_OFFSET_SECONDS,
    NONCE_SECONDS,
    REPLAY_SECONDS,
    ExpectedRequest,
    NonceMissingError,
    Nonces,
    Proof,
    ProofError,
    token_hash,
    verify_proof,
)
from tests.oauth.signing import KEY_FACTORIES, signed, unsigned, with_public_key_as_secret

KEY = ECKey.generate_key("P-256")
TOKEN = "a.b.c"
EXPECTED = ExpectedRequest("GET", "https://api.example/v1/schools", TOKEN)
NONCES = Nonces(((date.min, b"secret"),))
NOW = time.time()


def header(key: Any = KEY, algorithm: str = "ES256", **changes: Any) -> dict[str, Any]:
    defaults = {"typ": "dpop+jwt", "alg": algorithm, "jwk": key.as_dict(private=False)}
    return defaults | changes


def claims(**changes: Any) -> dict[str, Any]:
    defaults = {
        "jti": "1",
        "htm": "GET",
        "htu": "https://api.example/v1/schools",
        "iat": int(NOW),
        "ath": token_hash(TOKEN),
        "nonce": NONCES.at(NOW),
    }
    return {name: value for name, value in (defaults | changes).items() if value is not None}


def read(text: str, expected: ExpectedRequest = EXPECTED) -> Proof:
    return verify_proof(text, expected, NONCES, NOW)


@pytest.mark.parametrize("algorithm", KEY_FACTORIES)
def test_a_proof_identifies_the_key_that_signed_it(algorithm: str) -> None:
    key = KEY_FACTORIES[algorithm]()
    proof = read(signed(header(key, algorithm), claims(), key))
    assert proof == Proof(key.thumbprint(), "1")


@pytest.mark.parametrize(
    "changes",
    [
        {"htu": "HTTPS://API.example:443/v1/schools"},
        {"htu": "https://api.example/v1/schools?page=2#top"},
        {"iat": NOW + 10},
        {"iat": NOW - MAX_CLOCK_OFFSET_SECONDS + 1},
        {"iat": NOW + MAX_CLOCK_OFFSET_SECONDS - 1},
        {"further": "claims"},
    ],
)
def test_equivalent_urls_and_times_within_bounds_are_accepted(changes: dict[str, Any]) -> None:
    assert read(signed(header(), claims(**changes), KEY)).id == "1"


@pytest.mark.parametrize(
    "changes",
    [
        {"htm": "POST"},
        {"htm": "get"},
        {"htm": None},
        {"htu": "https://api.example/v1/students"},
        {"htu": "https://api.example/v1/schools/"},
        {"htu": "http://api.example/v1/schools"},
        {"htu": "https://other.example/v1/schools"},
        {"htu": "https://user@api.example/v1/schools"},
        {"htu": "https://user:secret@api.example/v1/schools"},
        {"htu": "https://@api.example/v1/schools"},
        {"htu": "https://api.example/v1/sch\nools"},
        {"htu": "https://api.example\t/v1/schools"},
        {"htu": "https://api.example\r\n/v1/schools"},
        {"htu": "\x00https://api.example/v1/schools"},
        {"htu": " https://api.example/v1/schools"},
        {"htu": "https://api.example/v1/schools\x7f"},
        {"htu": "https://api.example/v1/schools?\u202e"},
        {"htu": "https://api.exampl\u0435/v1/schools"},
        {"iat": 1e300},
        {"iat": [0]},
        {"htu": "https://api.example:8443/v1/schools"},
        {"htu": "https://api.example:x/v1/schools"},
        {"htu": ["https://api.example/v1/schools"]},
        {"htu": None},
        {"iat": NOW - MAX_CLOCK_OFFSET_SECONDS - 1},
        {"iat": NOW + MAX_CLOCK_OFFSET_SECONDS + 1},
        {"iat": "now"},
        {"iat": True},
        {"iat": None},
        {"jti": ""},
        {"jti": "x" * 129},
        {"jti": 1},
        {"jti": "\ud800"},
        {"jti": None},
        {"ath": token_hash("another token")},
        {"ath": TOKEN},
        {"ath": None},
    ],
)
def test_a_proof_with_a_wrong_or_missing_claim_is_rejected(changes: dict[str, Any]) -> None:
    with pytest.raises(ProofError) as rejected:
        read(signed(header(), claims(**changes), KEY))
    assert rejected.value.code == "invalid_dpop_proof"


@pytest.mark.parametrize(
    "changes",
    [
        {"typ": "JWT"},
        {"typ": "at+jwt"},
        {"typ": 1},
        {"typ": None},
        {"jwk": KEY.as_dict(private=True)},
        {"jwk": ECKey.generate_key("P-256").as_dict(private=False)},
        {"jwk": ECKey.generate_key("P-384").as_dict(private=False)},
        {"jwk": {"kty": "oct", "k": "c2VjcmV0"}},
        {"jwk": "the key"},
        {"jwk": None},
        {"crit": ["b64"], "b64": True},
        {"crit": ["exp"]},
        {"crit": ["typ"]},
        {"b64": False},
    ],
)
def test_a_proof_with_an_invalid_header_is_rejected(changes: dict[str, Any]) -> None:
    head = {name: value for name, value in header(**changes).items() if value is not None}
    with pytest.raises(ProofError, match="not signed by the key in its header"):
        read(signed(head, claims(), KEY))


@pytest.mark.parametrize(
    "text",
    [
        signed(header(), claims(padding="x" * 5000), KEY),
        "",
        "a.b",
        "a.b.c.d.e",
        "é.b.c",
    ],
)
def test_a_proof_without_a_valid_signature_is_rejected(text: str) -> None:
    with pytest.raises(ProofError, match="not signed by the key in its header"):
        read(text)


@pytest.mark.parametrize(
    "text",
    [unsigned(header(), claims()), with_public_key_as_secret(header(), claims(), KEY)],
)
def test_unknown_algorithm_is_rejected_with_those_to_use(text: str) -> None:
    with pytest.raises(ProofError, match=r"alg is not one of ES256, EdDSA, Ed25519, PS256$"):
        read(text)


@pytest.mark.parametrize("url", ["https://other.example/v1/schools", None])
def test_the_error_names_the_public_address_of_the_request(url: str | None) -> None:
    with pytest.raises(ProofError, match=r"which starts with https://api\.example$"):
        read(signed(header(), claims(htu=url), KEY))


def test_a_proof_for_a_token_request_needs_no_token_hash() -> None:
    expected = ExpectedRequest("POST", "https://api.example/oauth2/token")
    changes = {"htm": "POST", "htu": "https://api.example/oauth2/token", "ath": None}
    assert read(signed(header(), claims(**changes), KEY), expected).id == "1"


@pytest.mark.parametrize("nonce", ["another", "", None, 7, "é", "\ud800"])
def test_a_proof_with_a_wrong_nonce_has_the_error_use_dpop_nonce(nonce: object) -> None:
    with pytest.raises(NonceMissingError) as rejected:
        read(signed(header(), claims(nonce=nonce), KEY))
    assert rejected.value.code == "use_dpop_nonce"


@pytest.mark.parametrize("offset", [-240, -61, 61, 240])
def test_client_with_a_wrong_clock_recovers_with_the_nonce(offset: int) -> None:
    """The first error asks for a nonce and not for another clock, so that any client can go on."""
    with pytest.raises(NonceMissingError):
        read(signed(header(), claims(iat=NOW + offset, nonce=None), KEY))
    assert read(signed(header(), claims(iat=NOW + offset), KEY)).id == "1"


def test_used_proof_is_remembered_as_long_as_its_nonce_is_accepted() -> None:
    assert not NONCES.accepts(NONCES.at(NOW), NOW + REPLAY_SECONDS)


@pytest.mark.parametrize(("later", "is_accepted"), [(0, True), (1, True), (2, False)])
def test_a_nonce_is_accepted_in_its_own_period_and_the_next(
    later: int, *, is_accepted: bool
) -> None:
    assert NONCES.accepts(NONCES.at(NOW), NOW + later * NONCE_SECONDS) is is_accepted


def test_a_nonce_of_the_next_secret_is_accepted_before_its_first_day() -> None:
    """Two processes whose clocks differ a little accept each other's nonces around midnight."""
    old, new = Nonces(((date.min, b"old"),)), Nonces(((date.min, b"new"),))
    with_next_secret = Nonces(((date.min, b"old"), (date.max, b"new")))
    assert with_next_secret.at(NOW) == old.at(NOW)
    assert with_next_secret.accepts(new.at(NOW), NOW)
