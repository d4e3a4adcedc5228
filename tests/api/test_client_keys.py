"""Keys that a client changes itself, by proof of possession."""

from typing import Any

import pytest

from clients.python.proofs import ProofKey
from shared.access.products import Product
from shared.core.database import Sessions
from shared.core.unit_of_work import UnitOfWork
from shared.mandates.service import MandatePlan, give_mandate
from shared.oauth.clients.rules import ClientKind
from tests.api.conftest import AuditLog
from tests.api.oauth_clients import KEYS, OAuthClient, register_client
from tests.api.seeding import SCHOOL
from tests.callers import IN_A_YEAR, school_request
from tests.oauth.signing import KEY_FACTORIES


@pytest.fixture
def vendor(url: str, sessions: Sessions) -> OAuthClient:
    vendor = register_client(sessions, url, ClientKind.INTEGRATOR)
    with UnitOfWork(sessions) as unit:
        plan = MandatePlan(vendor.id, [Product.STUDENT_FEEDBACK], IN_A_YEAR, "Report book")
        give_mandate(unit, school_request(SCHOOL), plan)
    return vendor


def with_key(client: OAuthClient, key: Any) -> OAuthClient:
    return OAuthClient(client.url, client.id, key)


def test_client_replaces_its_key_without_a_pause(vendor: OAuthClient, audit_log: AuditLog) -> None:
    key = KEY_FACTORIES["ES256"]()
    assert vendor.add_key(key).status_code == 200
    successor = with_key(vendor, key)
    assert (vendor.request_token().status_code, successor.request_token().status_code) == (200, 200)
    removed = successor.remove_key(vendor.key.thumbprint())
    assert removed.status_code == 200, removed.text
    assert (vendor.request_token().status_code, successor.request_token().status_code) == (401, 200)
    changes = [entry[:2] for entry in audit_log.decisions() if entry[0].endswith("ClientKey")]
    assert changes == [
        ("addClientKey", None),
        ("addClientKey", SCHOOL),
        ("removeClientKey", None),
        ("removeClientKey", SCHOOL),
    ]


def test_key_is_not_added_without_a_present_key_of_the_client(
    vendor: OAuthClient, url: str, sessions: Sessions
) -> None:
    thief = register_client(sessions, url, ClientKind.INTEGRATOR)
    key = KEY_FACTORIES["ES256"]()
    named = thief.assertion(cnf={"jwk": key.as_dict(private=False)}, iss=vendor.id, sub=vendor.id)
    refused = vendor.add_key(key, assertion=named)
    assert (refused.status_code, refused.json()["error"]) == (401, "invalid_client")
    assert with_key(vendor, key).request_token().status_code == 401


def test_key_is_not_added_without_its_own_proof(vendor: OAuthClient) -> None:
    key = KEY_FACTORIES["ES256"]()
    for proof_key in (vendor.key, KEY_FACTORIES["ES256"]()):
        refused = vendor.add_key(key, proof_key)
        assert (refused.status_code, refused.json()["error"]) == (400, "invalid_dpop_proof")
    assertion = vendor.assertion(cnf={"jwk": key.as_dict(private=False)})
    assert vendor.post(KEYS, client_assertion=assertion).status_code == 400
    assert with_key(vendor, key).request_token().status_code == 401


@pytest.mark.parametrize("cnf", [None, {}, {"jwk": "x"}, {"jwk": {}}, {"jkt": "x" * 43}, "x", []])
def test_assertion_has_to_confirm_the_new_key(vendor: OAuthClient, cnf: Any) -> None:
    key = KEY_FACTORIES["ES256"]()
    nonce = ProofKey(key)
    first = vendor.post(KEYS, {"DPoP": nonce.proof("POST", f"{vendor.url}{KEYS}")})
    nonce.nonce = first.headers["DPoP-Nonce"]
    proof = nonce.proof("POST", f"{vendor.url}{KEYS}")
    refused = vendor.post(KEYS, {"DPoP": proof}, client_assertion=vendor.assertion(cnf=cnf))
    assert (refused.status_code, refused.json()["error"]) == (400, "invalid_request")


def test_operator_changes_no_key_of_its_own(url: str, sessions: Sessions) -> None:
    operator = register_client(sessions, url, ClientKind.OPERATOR)
    refused = operator.add_key(KEY_FACTORIES["ES256"]())
    assert (refused.status_code, refused.json()["error"]) == (400, "unauthorized_client")
    refused = operator.remove_key(operator.key.thumbprint())
    assert (refused.status_code, refused.json()["error"]) == (400, "unauthorized_client")


def test_request_for_a_key_can_be_repeated(vendor: OAuthClient, audit_log: AuditLog) -> None:
    key = KEY_FACTORIES["ES256"]()
    assert [vendor.add_key(key).status_code for _ in range(2)] == [200, 200]
    assert with_key(vendor, key).add_key(key).status_code == 200
    changes = [entry for entry in audit_log.decisions() if entry[0] == "addClientKey"]
    assert len(changes) == 2  # of the client and of its school: the repetitions changed nothing


def test_client_keeps_its_last_key(vendor: OAuthClient) -> None:
    for key_id in (vendor.key.thumbprint(), "x" * 43, "", None, 7, [vendor.key.thumbprint()]):
        refused = vendor.remove_key(key_id)
        assert (refused.status_code, refused.json()["error"]) == (400, "invalid_request")
    assert vendor.request_token().status_code == 200


def test_assertion_for_something_else_changes_no_key(vendor: OAuthClient) -> None:
    key = KEY_FACTORIES["ES256"]()
    assert vendor.add_key(key).status_code == 200
    for held_back in (vendor.assertion(), vendor.assertion(cnf={"jwk": key.as_dict()})):
        refused = vendor.post(
            f"{KEYS}/remove", client_assertion=held_back, key_id=vendor.key.thumbprint()
        )
        assert (refused.status_code, refused.json()["error"]) == (400, "invalid_request")
        assert "key_id in the assertion" in refused.json()["error_description"]
    assert vendor.request_token().status_code == 200


def test_key_of_another_client_is_not_taken(
    vendor: OAuthClient, url: str, sessions: Sessions
) -> None:
    other = register_client(sessions, url, ClientKind.INTEGRATOR)
    refused = vendor.add_key(other.key)
    assert (refused.status_code, refused.json()["error"]) == (400, "invalid_request")
