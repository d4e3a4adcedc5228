"""A token that is bound to a key, sent with every proof but the right one."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from services.cli.signing import ProofKey
from shared.core.database import Sessions
from shared.oauth.clients.rules import ClientKind
from shared.oauth.dpop import token_hash
from tests.api.oauth_clients import OAuthClient, registered
from tests.oauth.signing import signed

PATH = "/v1/schools"
TIMES = 8
Wrong = Callable[[OAuthClient, str], str]


@pytest.fixture(scope="module")
def vendor(url: str, sessions: Sessions) -> OAuthClient:
    return registered(sessions, url, ClientKind.INTEGRATOR)


@pytest.fixture(scope="module")
def token(vendor: OAuthClient) -> str:
    return vendor.token()


def send(vendor: OAuthClient, token: str, *proofs: str, scheme: str = "DPoP") -> httpx.Response:
    return vendor.send(f"{vendor.url}{PATH}", token, *proofs, scheme=scheme)


def right(vendor: OAuthClient, token: str, **changes: Any) -> str:
    """A proof that holds, but for the changes."""
    key = vendor.proofs
    claims: dict[str, Any] = {
        "jti": str(time.perf_counter_ns()),
        "htm": "GET",
        "htu": f"{vendor.url}{PATH}",
    }
    claims |= {"iat": int(time.time()), "ath": token_hash(token), "nonce": key.nonce}
    header = {"typ": "dpop+jwt", "alg": "ES256", "jwk": key.key.as_dict(private=False)}
    return signed(header, claims | changes, key.key)


def of_another_key(vendor: OAuthClient, token: str) -> str:
    thief = ProofKey()
    thief.nonce = vendor.proofs.nonce
    return thief.proof("GET", f"{vendor.url}{PATH}", token)


def test_the_proof_of_these_tests_is_taken(vendor: OAuthClient, token: str) -> None:
    assert send(vendor, token, right(vendor, token)).status_code == 200


@pytest.mark.parametrize(
    ("wrong", "error"),
    [
        (of_another_key, "invalid_dpop_proof"),
        (lambda vendor, token: right(vendor, token, htm="DELETE"), "invalid_dpop_proof"),
        (lambda vendor, token: right(vendor, token, htu=f"{vendor.url}/v1"), "invalid_dpop_proof"),
        (lambda vendor, token: right(vendor, token, iat=0), "invalid_dpop_proof"),
        (lambda vendor, token: right(vendor, token, ath=token_hash("x")), "invalid_dpop_proof"),
        (lambda vendor, token: right(vendor, token, nonce="x"), "use_dpop_nonce"),
        (lambda *_: "nonsense", "invalid_dpop_proof"),
    ],
)
def test_with_the_proof_of_something_else_a_token_opens_nothing(
    vendor: OAuthClient, token: str, wrong: Wrong, error: str
) -> None:
    answer = send(vendor, token, wrong(vendor, token))
    assert_refused(answer)
    assert f'error="{error}"' in answer.headers["WWW-Authenticate"]
    assert answer.headers["DPoP-Nonce"]


def test_a_proof_is_good_once(vendor: OAuthClient, token: str) -> None:
    proof = right(vendor, token)
    assert send(vendor, token, proof).status_code == 200
    assert_refused(send(vendor, token, proof))


def test_a_request_that_comes_to_nothing_has_used_its_proof(
    vendor: OAuthClient, token: str
) -> None:
    proof, wrong = right(vendor, token), f"{vendor.url}{PATH}?page=none"
    assert vendor.send(wrong, token, proof).status_code == 400
    assert_refused(vendor.send(wrong, token, proof))


def test_a_proof_sent_many_times_at_once_is_good_once(vendor: OAuthClient, token: str) -> None:
    proof = right(vendor, token)
    with ThreadPoolExecutor(TIMES) as senders:
        answers = senders.map(lambda _: send(vendor, token, proof).status_code, range(TIMES))
    assert sorted(answers) == [200, *[401] * (TIMES - 1)]


def test_without_its_one_proof_a_bound_token_opens_nothing(vendor: OAuthClient, token: str) -> None:
    proof = right(vendor, token)
    assert_refused(send(vendor, token))
    assert_refused(send(vendor, token, proof, right(vendor, token)))
    assert_refused(send(vendor, token, proof, scheme="Bearer"))
    assert send(vendor, token, proof).status_code == 200


@pytest.mark.parametrize("kind", [ClientKind.INTEGRATOR, ClientKind.OPERATOR])
def test_every_token_is_bound_to_a_key(url: str, sessions: Sessions, kind: ClientKind) -> None:
    client = registered(sessions, url, kind)
    unproven = client.post("/oauth2/token", grant_type="client_credentials", scope="schools:read")
    assert (unproven.status_code, unproven.json()["error"]) == (400, "invalid_dpop_proof")
    token = client.token(scope="schools:read")
    assert_refused(send(client, token, scheme="Bearer"))
    assert_refused(send(client, token))
    assert send(client, token, right(client, token)).status_code == 200


def test_not_ours_and_not_there_differ_in_no_header(
    vendor: OAuthClient, token: str, seeded: Any
) -> None:
    def ask(student: object) -> httpx.Response:
        return vendor.get(f"/v1/students/{student}", token)

    hidden, missing = ask(seeded.students["first"]), ask("00000000-0000-4000-8000-000000000000")
    for answer in (hidden, missing):
        assert answer.status_code == 404
        for changing in ("BelGov-Trace-Id", "Date"):
            del answer.headers[changing]
    assert "DPoP-Nonce" in hidden.headers
    assert hidden.headers == missing.headers


def assert_refused(answer: httpx.Response) -> None:
    assert answer.status_code == 401
    assert answer.json()["type"] == "urn:problem-type:belgif:invalidAccessToken"
