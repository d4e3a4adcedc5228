import hmac
import json
from base64 import urlsafe_b64encode
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey

from shared.access.rules import Caller, CallerError, CallerKind, Scope
from shared.access.tokens import MAX_LIFETIME, TokenAuthority
from shared.core.errors import ConfigurationError, InvalidAccessToken

KEY = ECKey.generate_key("P-256")
AUTHORITY = TokenAuthority(KEY, "urn:issuer", "urn:audience")
SCHOOL = Caller(
    "portal", CallerKind.SCHOOL, frozenset({Scope.RESULTS_READ, Scope.SCHOOLS_READ}), "000028"
)
HOUR = timedelta(hours=1)


def claims(**changes: Any) -> dict[str, Any]:
    now = int(datetime.now(UTC).timestamp())
    whole = {
        "iss": "urn:issuer",
        "aud": "urn:audience",
        "sub": "portal",
        "client_id": "portal",
        "iat": now,
        "exp": now + 60,
        "jti": "1",
        "scope": "results:read",
        "kind": "school",
        "school": "000028",
    }
    return {name: value for name, value in (whole | changes).items() if value is not None}


def signed(header: dict[str, Any] | None = None, *, key: ECKey = KEY, **changes: Any) -> str:
    head = {"alg": "ES256", "typ": "at+jwt"} | (header or {})
    return jwt.encode(head, claims(**changes), key, algorithms=["ES256"])


@pytest.mark.parametrize(
    "caller",
    [
        SCHOOL,
        Caller("vendor", CallerKind.INTEGRATOR, frozenset({Scope.RESULTS_READ})),
        Caller("steunpunt", CallerKind.OPERATOR, frozenset({Scope.JOBS_WRITE})),
    ],
)
def test_a_token_gives_back_the_caller_it_was_issued_for(caller: Caller) -> None:
    assert AUTHORITY.verify(AUTHORITY.issue(caller, HOUR)) == caller


def test_a_token_is_of_the_type_of_access_tokens() -> None:
    decoded = jwt.decode(AUTHORITY.issue(SCHOOL, HOUR), KEY, algorithms=["ES256"])
    assert decoded.header["typ"] == "at+jwt"
    assert decoded.header["kid"] == KEY.thumbprint()
    assert decoded.claims["scope"] == "results:read schools:read"


def test_no_two_tokens_are_the_same() -> None:
    assert AUTHORITY.issue(SCHOOL, HOUR) != AUTHORITY.issue(SCHOOL, HOUR)


@pytest.mark.parametrize(
    "lifetime", [timedelta(0), timedelta(seconds=-1), MAX_LIFETIME + timedelta(seconds=1)]
)
def test_a_token_lives_neither_no_time_nor_too_long(lifetime: timedelta) -> None:
    with pytest.raises(CallerError, match="between one second"):
        AUTHORITY.issue(SCHOOL, lifetime)


def test_the_helper_of_these_tests_makes_tokens_that_are_taken() -> None:
    assert AUTHORITY.verify(signed()).school_id == "000028"


@pytest.mark.parametrize(
    "changes",
    [
        {"iss": "urn:else"},
        {"aud": "urn:else"},
        {"scope": "everything:write"},
        {"scope": "jobs:write"},
        {"kind": "king"},
        {"kind": "operator"},
        {"school": None},
        *({name: None} for name in claims() if name != "school"),
    ],
)
def test_a_claim_that_is_wrong_or_missing_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(InvalidAccessToken):
        AUTHORITY.verify(signed(**changes))


def test_an_expired_token_is_told_to_be_expired() -> None:
    long_ago = int(datetime.now(UTC).timestamp()) - 60
    with pytest.raises(InvalidAccessToken) as refused:
        AUTHORITY.verify(signed(exp=long_ago))
    assert refused.value.type.endswith(":expiredAccessToken")


@pytest.mark.parametrize(
    "header", [{"typ": "JWT"}, {"typ": "dpop+jwt"}, {"crit": ["b64"], "b64": True}]
)
def test_a_header_of_another_kind_is_refused(header: dict[str, Any]) -> None:
    with pytest.raises(InvalidAccessToken):
        AUTHORITY.verify(signed(header))


def test_a_token_of_another_key_is_refused() -> None:
    with pytest.raises(InvalidAccessToken):
        AUTHORITY.verify(signed(key=ECKey.generate_key("P-256")))


def test_the_public_key_is_no_shared_secret() -> None:
    head = {"alg": "HS256", "typ": "at+jwt"}
    text = ".".join(encoded(json.dumps(part).encode()) for part in (head, claims()))
    for secret in (KEY.as_pem(private=False), json.dumps(KEY.as_dict(private=False)).encode()):
        signature = hmac.digest(secret, text.encode(), "sha256")
        with pytest.raises(InvalidAccessToken):
            AUTHORITY.verify(f"{text}.{encoded(signature)}")


def test_no_signature_at_all_is_no_signature() -> None:
    head = {"alg": "none", "typ": "at+jwt"}
    text = ".".join(encoded(json.dumps(part).encode()) for part in (head, claims()))
    with pytest.raises(InvalidAccessToken):
        AUTHORITY.verify(f"{text}.")


def encoded(content: bytes) -> str:
    return urlsafe_b64encode(content).rstrip(b"=").decode()


def test_a_changed_token_is_refused() -> None:
    head, body, signature = signed().split(".")
    for token in (f"{head}.{body}.", f"{head}.{body}", f"{head}.{body[:-2]}AA.{signature}", ""):
        with pytest.raises(InvalidAccessToken):
            AUTHORITY.verify(token)


def test_a_huge_token_is_refused_unread() -> None:
    with pytest.raises(InvalidAccessToken):
        AUTHORITY.verify(signed(jti="x" * 5000))


def test_a_key_file_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    other = tmp_path / "other.pem"
    other.write_bytes(ECKey.generate_key("P-384").as_pem(private=True))
    nonsense = tmp_path / "nonsense.pem"
    nonsense.write_text("nonsense")
    for path in (other, nonsense, tmp_path / "missing.pem"):
        with pytest.raises(ConfigurationError, match=path.name):
            TokenAuthority.from_key_file(path, "i", "a")


def test_a_key_file_holds_what_signs(tmp_path: Path) -> None:
    path = tmp_path / "signing.pem"
    path.write_bytes(KEY.as_pem(private=True))
    read = TokenAuthority.from_key_file(path, "urn:issuer", "urn:audience")
    assert AUTHORITY.verify(read.issue(SCHOOL, HOUR)) == SCHOOL


def test_the_public_half_of_a_key_signs_nothing(tmp_path: Path) -> None:
    file = tmp_path / "public.pem"
    file.write_bytes(ECKey.generate_key("P-256").as_pem(private=False))
    with pytest.raises(ConfigurationError, match="private half"):
        TokenAuthority.from_key_file(file, "issuer", "audience")


@pytest.mark.parametrize(
    "odd",
    [
        {"school": ["000028"]},
        {"school": "000028\n"},
        {"school": 0},
        {"school": ""},
        {"client_id": "a\x00b"},
        {"client_id": ["x"]},
        {"client_id": "x" * 500},
        {"exp": 10**12},
        {"scope": ["results:read"]},
    ],
)
def test_a_signed_token_with_odd_claims_is_no_token_of_ours(odd: dict[str, object]) -> None:
    key = ECKey.generate_key("P-256")
    mine = TokenAuthority(key, "issuer", "audience")
    whole = mine.issue(
        Caller("client", CallerKind.SCHOOL, frozenset({Scope.RESULTS_READ}), "000028"),
        timedelta(minutes=5),
    )
    token = jwt.decode(whole, key, algorithms=["ES256"])
    forged = jwt.encode(token.header, token.claims | odd, key, algorithms=["ES256"])
    assert mine.verify(whole).school_id == "000028"
    with pytest.raises(InvalidAccessToken):
        mine.verify(forged)
