import time
from datetime import date
from typing import Any

import pytest
from joserfc.jwk import ECKey

from shared.oauth.dpop import (
    MAX_AGE_SECONDS,
    MAX_AHEAD_SECONDS,
    NONCE_SECONDS,
    ExpectedRequest,
    NonceMissingError,
    Nonces,
    Proof,
    ProofError,
    token_hash,
    verify_proof,
)
from tests.oauth.signing import MADE_WITH, signed, unsigned, with_public_key_as_secret

KEY = ECKey.generate_key("P-256")
TOKEN = "a.b.c"
EXPECTED = ExpectedRequest("GET", "https://api.example/v1/schools", TOKEN)
NONCES = Nonces(((date.min, b"secret"),))
NOW = time.time()


def header(key: Any = KEY, algorithm: str = "ES256", **changes: Any) -> dict[str, Any]:
    whole = {"typ": "dpop+jwt", "alg": algorithm, "jwk": key.as_dict(private=False)}
    return whole | changes


def claims(**changes: Any) -> dict[str, Any]:
    whole = {
        "jti": "1",
        "htm": "GET",
        "htu": "https://api.example/v1/schools",
        "iat": int(NOW),
        "ath": token_hash(TOKEN),
        "nonce": NONCES.at(NOW),
    }
    return {name: value for name, value in (whole | changes).items() if value is not None}


def read(text: str, expected: ExpectedRequest = EXPECTED) -> Proof:
    return verify_proof(text, expected, NONCES, NOW)


@pytest.mark.parametrize("algorithm", MADE_WITH)
def test_a_proof_names_the_key_that_signed_it(algorithm: str) -> None:
    key = MADE_WITH[algorithm]()
    proof = read(signed(header(key, algorithm), claims(), key))
    assert proof == Proof(key.thumbprint(), "1")


@pytest.mark.parametrize(
    "changes",
    [
        {"htu": "HTTPS://API.example:443/v1/schools"},
        {"htu": "https://api.example/v1/schools?page=2#top"},
        {"iat": NOW - MAX_AGE_SECONDS + 1},
        {"iat": NOW + MAX_AHEAD_SECONDS - 1},
        {"further": "claims"},
    ],
)
def test_what_makes_no_difference(changes: dict[str, Any]) -> None:
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
        {"iat": NOW - MAX_AGE_SECONDS - 1},
        {"iat": NOW + MAX_AHEAD_SECONDS + 1},
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
def test_a_proof_of_something_else_proves_nothing(changes: dict[str, Any]) -> None:
    with pytest.raises(ProofError) as refused:
        read(signed(header(), claims(**changes), KEY))
    assert refused.value.code == "invalid_dpop_proof"


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
def test_a_header_that_is_not_a_proofs_is_refused(changes: dict[str, Any]) -> None:
    head = {name: value for name, value in header(**changes).items() if value is not None}
    with pytest.raises(ProofError, match="not signed by the key in its header"):
        read(signed(head, claims(), KEY))


@pytest.mark.parametrize(
    "text",
    [
        unsigned(header(), claims()),
        with_public_key_as_secret(header(), claims(), KEY),
        signed(header(), claims(padding="x" * 5000), KEY),
        "",
        "a.b",
        "a.b.c.d.e",
        "é.b.c",
    ],
)
def test_what_is_not_signed_by_the_key_is_no_proof(text: str) -> None:
    with pytest.raises(ProofError, match="not signed by the key in its header"):
        read(text)


def test_where_a_token_is_asked_for_there_is_none_to_hash() -> None:
    expected = ExpectedRequest("POST", "https://api.example/oauth2/token")
    changes = {"htm": "POST", "htu": "https://api.example/oauth2/token", "ath": None}
    assert read(signed(header(), claims(**changes), KEY), expected).id == "1"


@pytest.mark.parametrize("nonce", ["another", "", None, 7, "é", "\ud800"])
def test_with_a_wrong_nonce_a_proof_is_asked_for_again(nonce: object) -> None:
    with pytest.raises(NonceMissingError) as refused:
        read(signed(header(), claims(nonce=nonce), KEY))
    assert refused.value.code == "use_dpop_nonce"


@pytest.mark.parametrize(("later", "is_taken"), [(0, True), (1, True), (2, False)])
def test_a_nonce_is_taken_as_long_again_as_it_was_handed_out(later: int, *, is_taken: bool) -> None:
    assert NONCES.accepts(NONCES.at(NOW), NOW + later * NONCE_SECONDS) is is_taken


def test_a_nonce_of_the_next_secret_is_known_before_its_day() -> None:
    """Two processes whose clocks differ a little take each other's nonces as the day turns."""
    old, new = Nonces(((date.min, b"old"),)), Nonces(((date.min, b"new"),))
    coming = Nonces(((date.min, b"old"), (date.max, b"new")))
    assert coming.at(NOW) == old.at(NOW)
    assert coming.accepts(new.at(NOW), NOW)
