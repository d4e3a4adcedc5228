"""An object with two members of one name: parsers differ in which of the two they take."""

import json
import time
from collections.abc import Callable
from datetime import date
from uuid import UUID, uuid4

import pytest
from joserfc.jwk import ECKey

from shared.core.errors import InvalidAccessToken
from shared.core.strict_json import DuplicateMemberError, parse_json
from shared.oauth.assertions import verify_assertion
from shared.oauth.dpop import ExpectedRequest, Nonces, ProofError, verify_proof
from shared.oauth.jose import SignatureError, read_unverified
from shared.oauth.tokens import TokenAuthority
from tests.callers import OPERATOR
from tests.oauth.signing import signed_texts

KEY = ECKey.generate_key("P-256")
CLIENT = uuid4()
ISSUER = "https://api.example"
NOW = time.time()


def repeated(text: str, name: str) -> str:
    """Return the object with one of its members twice, the same value each time."""
    return f"{text[:-1]}, {json.dumps(name)}: {json.dumps(json.loads(text)[name])}}}"


def test_name_that_is_repeated_at_any_depth_is_found() -> None:
    for text in ('{"a": 1, "a": 1}', '[{"b": {"a": 1, "\\u0061": 2}}]'):
        with pytest.raises(DuplicateMemberError) as found:
            parse_json(text)
        assert found.value.name == "a"
    assert parse_json('[{"a": 1}, {"a": {"a": 2}}]') == [{"a": 1}, {"a": {"a": 2}}]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-32", "latin-1"])
def test_json_in_bytes_is_utf_8_without_a_byte_order_mark(encoding: str) -> None:
    assert parse_json('{"name": "Zoë"}'.encode()) == {"name": "Zoë"}
    with pytest.raises(ValueError, match=r"."):
        parse_json('{"name": "Zoë"}'.encode(encoding))


@pytest.mark.parametrize("part", ["header", "claims"])
def test_assertion_with_a_repeated_member_is_not_valid(part: str) -> None:
    claims = {"iss": str(CLIENT), "sub": str(CLIENT), "aud": ISSUER, "exp": NOW + 60, "jti": "1"}
    head, body = json.dumps({"alg": "ES256", "typ": "JWT"}), json.dumps(claims)
    valid = signed_texts(head, body, KEY)
    assert verify_assertion(valid, CLIENT, [KEY], ISSUER, NOW).id == "1"
    if part == "header":
        head = repeated(head, "typ")
    else:
        body = repeated(body, "sub")
    ambiguous = signed_texts(head, body, KEY)
    with pytest.raises(SignatureError):
        verify_assertion(ambiguous, CLIENT, [KEY], ISSUER, NOW)
    with pytest.raises(SignatureError, match="not a signed token"):
        read_unverified(ambiguous)


@pytest.mark.parametrize(
    "change", [lambda t: repeated(t, "typ"), lambda t: t.replace("{", '{"kid": "x", "kid": "x", ')]
)
def test_proof_with_a_repeated_member_is_not_valid(change: Callable[[str], str]) -> None:
    nonces = Nonces(((date.min, b"secret"),))
    header = {"typ": "dpop+jwt", "alg": "ES256", "jwk": KEY.as_dict(private=False)}
    claims = {"jti": "1", "htm": "POST", "htu": ISSUER, "iat": NOW, "nonce": nonces.at(NOW)}
    expected = ExpectedRequest("POST", ISSUER)
    head, body = json.dumps(header), json.dumps(claims)
    assert verify_proof(signed_texts(head, body, KEY), expected, nonces, NOW).id == "1"
    with pytest.raises(ProofError):
        verify_proof(signed_texts(change(head), body, KEY), expected, nonces, NOW)


def test_access_token_with_a_repeated_claim_is_not_valid(authority: TokenAuthority) -> None:
    key, now = authority.keys.signing, int(time.time())
    header = {"alg": "ES256", "typ": "at+jwt", "kid": key.thumbprint()}
    claims = {
        "iss": authority.issuer,
        "aud": authority.audience,
        "sub": OPERATOR.caller.client,
        "client_id": OPERATOR.caller.client,
        "iat": now,
        "exp": now + 60,
        "jti": str(UUID(int=1)),
        "scope": "jobs:read",
        "kind": "operator",
        "cnf": {"jkt": key.thumbprint()},
    }
    head, body = json.dumps(header), json.dumps(claims)
    assert authority.verify(signed_texts(head, body, key)).caller.kind == "operator"
    with pytest.raises(InvalidAccessToken):
        authority.verify(signed_texts(head, repeated(body, "scope"), key))
