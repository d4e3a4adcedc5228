"""Tokens that are bound to a key, with valid and invalid proofs."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from clients.python.proofs import ProofKey
from shared.core.database import Sessions
from shared.oauth.clients.rules import ClientKind
from shared.oauth.dpop import token_hash
from tests.api.oauth_clients import OAuthClient, register_client
from tests.oauth.signing import signed

PATH = "/v1/schools"
CONCURRENT = 8
MakeProof = Callable[[OAuthClient, str], str]


@pytest.fixture(scope="module")
def vendor(url: str, sessions: Sessions) -> OAuthClient:
    return register_client(sessions, url, ClientKind.INTEGRATOR)


@pytest.fixture(scope="module")
def token(vendor: OAuthClient) -> str:
    return vendor.token()


def send(vendor: OAuthClient, token: str, *proofs: str, scheme: str = "DPoP") -> httpx.Response:
    return vendor.send(f"{vendor.url}{PATH}", token, *proofs, scheme=scheme)


def valid_proof(vendor: OAuthClient, token: str, **changes: Any) -> str:
    """Return a valid proof, but for the changes."""
    key = vendor.proofs
    claims: dict[str, Any] = {
        "jti": str(time.perf_counter_ns()),
        "htm": "GET",
        "htu": f"{vendor.url}{PATH}",
    }
    claims |= {"iat": int(time.time()), "ath": token_hash(token), "nonce": key.nonce}
    header = {"typ": "dpop+jwt", "alg": "ES256", "jwk": key.key.as_dict(private=False)}
    return signed(header, claims | changes, key.key)


def proof_of_another_key(vendor: OAuthClient, token: str) -> str:
    other_key = ProofKey()
    other_key.nonce = vendor.proofs.nonce
    return other_key.proof("GET", f"{vendor.url}{PATH}", token)


def test_the_valid_proof_of_these_tests_is_accepted(vendor: OAuthClient, token: str) -> None:
    assert send(vendor, token, valid_proof(vendor, token)).status_code == 200


@pytest.mark.parametrize(
    ("make_proof", "error"),
    [
        (proof_of_another_key, "invalid_dpop_proof"),
        (lambda vendor, token: valid_proof(vendor, token, htm="DELETE"), "invalid_dpop_proof"),
        (
            lambda vendor, token: valid_proof(vendor, token, htu=f"{vendor.url}/v1"),
            "invalid_dpop_proof",
        ),
        (lambda vendor, token: valid_proof(vendor, token, iat=0), "invalid_dpop_proof"),
        (
            lambda vendor, token: valid_proof(vendor, token, ath=token_hash("x")),
            "invalid_dpop_proof",
        ),
        (lambda vendor, token: valid_proof(vendor, token, nonce="x"), "use_dpop_nonce"),
        (lambda *_: "nonsense", "invalid_dpop_proof"),
    ],
)
def test_a_token_with_an_invalid_proof_is_rejected(
    vendor: OAuthClient, token: str, make_proof: MakeProof, error: str
) -> None:
    response = send(vendor, token, make_proof(vendor, token))
    assert_rejected(response)
    assert f'error="{error}"' in response.headers["WWW-Authenticate"]
    assert response.headers["DPoP-Nonce"]


def test_a_proof_is_valid_once(vendor: OAuthClient, token: str) -> None:
    proof = valid_proof(vendor, token)
    assert send(vendor, token, proof).status_code == 200
    assert_rejected(send(vendor, token, proof))


def test_a_rejected_request_has_used_its_proof(vendor: OAuthClient, token: str) -> None:
    proof, invalid_url = valid_proof(vendor, token), f"{vendor.url}{PATH}?page=none"
    assert vendor.send(invalid_url, token, proof).status_code == 400
    assert_rejected(vendor.send(invalid_url, token, proof))


def test_a_proof_in_concurrent_requests_is_valid_once(vendor: OAuthClient, token: str) -> None:
    proof = valid_proof(vendor, token)
    with ThreadPoolExecutor(CONCURRENT) as pool:
        responses = pool.map(lambda _: send(vendor, token, proof).status_code, range(CONCURRENT))
    assert sorted(responses) == [200, *[401] * (CONCURRENT - 1)]


def test_a_bound_token_requires_exactly_one_proof(vendor: OAuthClient, token: str) -> None:
    proof = valid_proof(vendor, token)
    assert_rejected(send(vendor, token))
    assert_rejected(send(vendor, token, proof, valid_proof(vendor, token)))
    assert_rejected(send(vendor, token, proof, scheme="Bearer"))
    assert send(vendor, token, proof).status_code == 200


@pytest.mark.parametrize("kind", [ClientKind.INTEGRATOR, ClientKind.OPERATOR])
def test_every_token_is_bound_to_a_key(url: str, sessions: Sessions, kind: ClientKind) -> None:
    client = register_client(sessions, url, kind)
    unproven = client.post("/oauth2/token", grant_type="client_credentials", scope="schools:read")
    assert (unproven.status_code, unproven.json()["error"]) == (400, "invalid_dpop_proof")
    token = client.token(scope="schools:read")
    assert_rejected(send(client, token, scheme="Bearer"))
    assert_rejected(send(client, token))
    assert send(client, token, valid_proof(client, token)).status_code == 200


def test_out_of_reach_and_unknown_have_the_same_response_headers(
    vendor: OAuthClient, token: str, seeded: Any
) -> None:
    def get_student(student: object) -> httpx.Response:
        return vendor.get(f"/v1/students/{student}", token)

    out_of_reach, unknown = (
        get_student(seeded.students["first"]),
        get_student("00000000-0000-4000-8000-000000000000"),
    )
    for response in (out_of_reach, unknown):
        assert response.status_code == 404
        for name in ("BelGov-Trace-Id", "Date"):
            del response.headers[name]
    assert "DPoP-Nonce" in out_of_reach.headers
    assert out_of_reach.headers == unknown.headers


def assert_rejected(response: httpx.Response) -> None:
    assert response.status_code == 401
    assert response.json()["type"] == "urn:problem-type:belgif:invalidAccessToken"
