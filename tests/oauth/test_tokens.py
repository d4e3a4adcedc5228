from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey

from shared.access.rules import OPERATOR_SCOPES, Caller, CallerError, CallerKind, Scope
from shared.core.errors import InvalidAccessToken
from shared.oauth import tokens
from shared.oauth.signing_keys import SigningKeys
from shared.oauth.tokens import MAX_LIFETIME, TokenAuthority
from tests.oauth.signing import signed as sign
from tests.oauth.signing import unsigned, with_public_key_as_secret

KEY = ECKey.generate_key("P-256")
AUTHORITY = TokenAuthority(SigningKeys(((date.min, KEY),)), "urn:issuer", "urn:audience")
THUMBPRINT = ECKey.generate_key("P-256").thumbprint()
SCHOOL = Caller(
    "portal", CallerKind.SCHOOL, frozenset({Scope.RESULTS_READ, Scope.SCHOOLS_READ}), "000028"
)
MINUTE = timedelta(minutes=1)
HEADER = {"alg": "ES256", "typ": "at+jwt", "kid": KEY.thumbprint()}


def claims(**changes: Any) -> dict[str, Any]:
    now = int(datetime.now(UTC).timestamp())
    defaults = {
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
        "cnf": {"jkt": THUMBPRINT},
    }
    return {name: value for name, value in (defaults | changes).items() if value is not None}


def signed(header: dict[str, Any] | None = None, *, key: ECKey = KEY, **changes: Any) -> str:
    return sign(HEADER | (header or {}), claims(**changes), key)


@pytest.mark.parametrize(
    "caller",
    [
        SCHOOL,
        Caller("vendor", CallerKind.INTEGRATOR, frozenset({Scope.RESULTS_READ})),
        Caller("steunpunt", CallerKind.OPERATOR, frozenset({Scope.JOBS_WRITE})),
        Caller("portal", CallerKind.SCHOOL, frozenset({Scope.RESULTS_READ}), "000028", "someone"),
    ],
)
def test_a_verified_token_has_the_caller_and_the_key_it_was_issued_for(caller: Caller) -> None:
    token = AUTHORITY.verify(AUTHORITY.issue(caller, MINUTE, THUMBPRINT))
    assert (token.caller, token.thumbprint) == (caller, THUMBPRINT)


def test_a_token_for_a_person_has_the_client_as_actor() -> None:
    caller = Caller("portal", CallerKind.SCHOOL, frozenset(), "000028", "someone")
    claims = jwt.decode(AUTHORITY.issue(caller, MINUTE), KEY, algorithms=["ES256"]).claims
    assert (claims["sub"], claims["act"]) == ("someone", {"sub": "portal"})


@pytest.mark.parametrize("scope", sorted(set(Scope) - OPERATOR_SCOPES))
def test_scopes_on_students_require_a_bound_token(scope: Scope) -> None:
    caller = Caller("portal", CallerKind.SCHOOL, frozenset({Scope.SCHOOLS_READ, scope}), "000028")
    with pytest.raises(CallerError, match="bound to a key"):
        AUTHORITY.issue(caller, MINUTE)


def test_these_scopes_require_a_bound_token() -> None:
    assert set(Scope) - OPERATOR_SCOPES == {
        Scope.STUDENTS_READ,
        Scope.RESULTS_READ,
        Scope.DOCUMENTS_READ,
        Scope.MANDATES_READ,
        Scope.MANDATES_WRITE,
        Scope.AUDIT_READ,
    }


def test_a_token_has_the_header_of_a_jwt_access_token() -> None:
    decoded = jwt.decode(AUTHORITY.issue(SCHOOL, MINUTE, THUMBPRINT), KEY, algorithms=["ES256"])
    assert decoded.header["typ"] == "at+jwt"
    assert decoded.header["kid"] == KEY.thumbprint()
    assert decoded.claims["scope"] == "results:read schools:read"


def test_each_token_is_unique() -> None:
    assert AUTHORITY.issue(SCHOOL, MINUTE, THUMBPRINT) != AUTHORITY.issue(
        SCHOOL, MINUTE, THUMBPRINT
    )


@pytest.mark.parametrize(
    "lifetime", [timedelta(0), timedelta(seconds=-1), MAX_LIFETIME + timedelta(seconds=1)]
)
def test_a_lifetime_out_of_bounds_is_rejected(lifetime: timedelta) -> None:
    with pytest.raises(CallerError, match="between one second"):
        AUTHORITY.issue(SCHOOL, lifetime)


def test_the_helper_of_these_tests_makes_valid_tokens() -> None:
    assert AUTHORITY.verify(signed()).caller.school_id == "000028"


@pytest.mark.parametrize(
    "changes",
    [
        {"iss": "urn:else"},
        {"aud": "urn:else"},
        {"scope": "everything:write"},
        {"scope": "jobs:write"},
        {"kind": "king"},
        {"kind": "operator"},
        {"cnf": {}},
        {"cnf": "x"},
        {"cnf": {"jkt": ["x"]}},
        {"iat": 10**11, "exp": 10**11 + 60},
        {"iat": -(10**30), "exp": -(10**30) + 60},
        {"sub": "a b"},
        {"school": None},
        *({name: None} for name in claims() if name != "school"),
    ],
)
def test_a_wrong_or_missing_claim_is_rejected(changes: dict[str, Any]) -> None:
    with pytest.raises(InvalidAccessToken):
        AUTHORITY.verify(signed(**changes))


def test_an_expired_token_has_its_own_error_code() -> None:
    long_ago = int(datetime.now(UTC).timestamp()) - 60
    with pytest.raises(InvalidAccessToken) as rejected:
        AUTHORITY.verify(signed(iat=long_ago - 60, exp=long_ago))
    assert rejected.value.code == "expiredAccessToken"


@pytest.mark.parametrize(
    "header",
    [
        {"typ": "JWT"},
        {"typ": "dpop+jwt"},
        {"crit": ["b64"], "b64": True},
        {"b64": False},
        {"crit": ["typ"]},
        {"kid": "../../dev/null"},
        {"kid": ECKey.generate_key("P-256").thumbprint()},
    ],
)
def test_an_invalid_header_is_rejected(header: dict[str, Any]) -> None:
    with pytest.raises(InvalidAccessToken):
        AUTHORITY.verify(signed(header))


def test_a_token_signed_by_another_key_is_rejected() -> None:
    with pytest.raises(InvalidAccessToken):
        AUTHORITY.verify(signed(key=ECKey.generate_key("P-256")))


@pytest.mark.parametrize(
    "text", [unsigned(HEADER, claims()), with_public_key_as_secret(HEADER, claims(), KEY)]
)
def test_no_signature_and_one_with_the_public_key_are_rejected(text: str) -> None:
    with pytest.raises(InvalidAccessToken):
        AUTHORITY.verify(text)


def test_a_changed_token_is_rejected() -> None:
    head, body, signature = signed().split(".")
    for token in (f"{head}.{body}.", f"{head}.{body}", f"{head}.{body[:-2]}AA.{signature}", ""):
        with pytest.raises(InvalidAccessToken):
            AUTHORITY.verify(token)


def test_a_too_long_token_is_rejected() -> None:
    with pytest.raises(InvalidAccessToken):
        AUTHORITY.verify(signed(jti="x" * 5000))


@pytest.mark.parametrize(
    "changes",
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
def test_a_signed_token_with_malformed_claims_is_rejected(changes: dict[str, Any]) -> None:
    assert AUTHORITY.verify(signed()).id == "1"
    with pytest.raises(InvalidAccessToken):
        AUTHORITY.verify(signed(**changes))


def test_a_cached_token_still_expires(monkeypatch: pytest.MonkeyPatch) -> None:
    token = AUTHORITY.issue(SCHOOL, timedelta(seconds=1), THUMBPRINT)
    assert AUTHORITY.verify(token).caller == SCHOOL
    monkeypatch.setattr(tokens, "CLOCK_SKEW", timedelta(seconds=-1))
    with pytest.raises(InvalidAccessToken) as rejected:
        AUTHORITY.verify(token)
    assert rejected.value.code == "expiredAccessToken"
