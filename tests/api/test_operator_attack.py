"""Operators who try, alone, to learn a level of a pupil.

They have three tools: the API with every scope of operators, the command line, and the login of
operators in the database. `test_operator_guesses.py` tests guesses of a level with all three.
"""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID

import psycopg
import pytest
from psycopg.errors import InsufficientPrivilege
from sqlalchemy import delete, text

from clients.python.proofs import ProofKey
from shared.access.products import Product
from shared.access.rules import Scope
from shared.core.database import Sessions
from shared.core.settings import Settings
from shared.core.unit_of_work import UnitOfWork
from shared.mandates.service import MandatePlan, give_mandate
from shared.oauth.clients.models import Client
from shared.oauth.clients.rules import ClientKind
from shared.viewings.models import ViewingDuty, ViewingLocation
from tests.api.oauth_clients import OAuthClient, register_client
from tests.api.seeding import SCHOOL
from tests.callers import IN_A_YEAR, school_request
from tests.oauth.signing import KEY_FACTORIES

APPEND_REFUSAL = """
    select append_audit_event(null, array[]::uuid[], gen_random_uuid(), null, null, 'read',
                              '/v1/documents/x', 'refused', 'scope', null)
"""
RESULTS = f"/v1/schools/{SCHOOL}/results"

pytestmark = pytest.mark.usefixtures("open_now")


@pytest.fixture(scope="module")
def vendor(url: str, sessions: Sessions) -> OAuthClient:
    """A vendor with a mandate of the school."""
    vendor = register_client(sessions, url, ClientKind.INTEGRATOR)
    with UnitOfWork(sessions) as unit:
        plan = MandatePlan(vendor.id, [Product.STUDENT_FEEDBACK], IN_A_YEAR, "Report book")
        give_mandate(unit, school_request(SCHOOL), plan)
    return vendor


@pytest.fixture
def attacker(url: str, sessions: Sessions) -> OAuthClient:
    """An operator with every scope of operators."""
    return register_client(sessions, url, ClientKind.OPERATOR)


def results_read_with(vendor: OAuthClient, key: Any) -> int:
    """The results that somebody with the key gets in the name of the vendor."""
    impostor = OAuthClient(vendor.url, vendor.id, key, proofs=ProofKey())
    issued = impostor.request_token()
    if not issued.is_success:
        return 0
    return int(impostor.get(RESULTS, issued.json()["access_token"]).json()["total"])


def test_the_mandate_of_these_tests_opens_results(vendor: OAuthClient) -> None:
    assert results_read_with(vendor, vendor.key) > 0


def test_operator_reads_no_results_with_a_key_of_its_own(
    vendor: OAuthClient, attacker: OAuthClient
) -> None:
    key = KEY_FACTORIES["ES256"]()
    public = key.as_dict(private=False)
    assert attacker.request("POST", f"/v1/clients/{vendor.id}/keys", public).status_code == 404
    body = {"kind": "addKey", "clientId": vendor.id, "keys": [public]}
    change = attacker.request("POST", "/v1/clientChanges", body).json()["href"]
    assert attacker.request("POST", f"{change}/approve").status_code == 403
    assert attacker.request("POST", f"{change}/apply").status_code == 409
    assert results_read_with(vendor, key) == 0


def test_operator_registers_no_vendor_with_a_second_key(attacker: OAuthClient) -> None:
    keys = [KEY_FACTORIES["ES256"]().as_dict(private=False) for _ in ("vendor", "operator")]
    body = {"name": "Vendor", "kind": "integrator", "scopes": ["results:read"], "keys": keys}
    assert attacker.request("POST", "/v1/clients", body).status_code == 400


def test_operator_registers_no_accomplice(
    vendor: OAuthClient, attacker: OAuthClient, sessions: Sessions
) -> None:
    public = KEY_FACTORIES["ES256"]().as_dict(private=False)
    some = {"scopes": ["jobs:read"], "keys": [public]}
    operator = {"name": "accomplice", "kind": "operator"} | some
    assert attacker.request("POST", "/v1/clients", operator).status_code == 409
    with UnitOfWork(sessions) as unit:
        person = unit.session.get_one(Client, UUID(attacker.id)).person_id
    for body in (
        {"kind": "registerPerson", "personName": "nobody", "name": "n"} | some,
        {"kind": "registerClient", "personId": str(person), "name": "m"} | some,
        {"kind": "addKey", "clientId": attacker.id, "keys": [public]},
        {"kind": "changeScopes", "clientId": vendor.id, "scopes": ["results:read"]},
        {"kind": "activateClient", "clientId": vendor.id},
    ):
        requested = attacker.request("POST", "/v1/clientChanges", body)
        assert requested.status_code == 201, requested.text
        change = requested.json()["href"]
        assert attacker.request("POST", f"{change}/approve").status_code == 403
        assert attacker.request("POST", f"{change}/apply").status_code == 409


def test_operator_gives_no_duty_to_an_officer_of_its_own(
    attacker: OAuthClient, url: str, sessions: Sessions
) -> None:
    public = KEY_FACTORIES["ES256"]().as_dict(private=False)
    body = {"name": "Desk", "kind": "officer", "scopes": ["viewings:desk"], "keys": [public]}
    officer = attacker.request("POST", "/v1/clients", body).json()["id"]
    place = {"name": "Hall", "address": "1000 Brussels"}
    location = attacker.request("POST", "/v1/viewings/locations", place).json()["id"]
    duty = {"clientId": officer, "locationId": location, "day": "2030-01-01"}
    assert attacker.request("POST", "/v1/viewings/duties", duty).status_code == 403
    other = register_client(sessions, url, ClientKind.OPERATOR)
    given = other.request("POST", "/v1/viewings/duties", duty)
    assert given.status_code == 201, given.text
    with UnitOfWork(sessions) as unit:
        for table in (ViewingDuty, ViewingLocation):
            unit.session.execute(delete(table))


def test_person_keeps_the_scope_to_object_to_a_key(
    attacker: OAuthClient, url: str, sessions: Sessions
) -> None:
    third = register_client(sessions, url, ClientKind.OPERATOR)
    fewer = {"scopes": ["schools:read"]}
    assert attacker.request("PATCH", f"/v1/clients/{third.id}", fewer).status_code == 409
    fewer = {"scopes": ["clients:write"]}
    assert attacker.request("PATCH", f"/v1/clients/{third.id}", fewer).status_code == 200


def test_operator_gives_no_scope_back_that_another_takes_away(
    vendor: OAuthClient, attacker: OAuthClient, sessions: Sessions
) -> None:
    patch = {"scopes": ["results:read"]}
    with ThreadPoolExecutor(1) as pool:
        with UnitOfWork(sessions) as taking:
            client = taking.session.get_one(Client, UUID(vendor.id), with_for_update=True)
            scopes, client.scopes = client.scopes, ["documents:read"]
            taking.session.flush()
            late = pool.submit(attacker.request, "PATCH", f"/v1/clients/{vendor.id}", patch)
            waits = text("select count(*) from pg_locks where not granted")
            while not late.done() and not taking.session.scalar(waits):
                time.sleep(0.01)
        assert late.result().status_code == 409
    with UnitOfWork(sessions) as unit:
        unit.session.get_one(Client, UUID(vendor.id)).scopes = scopes


def test_operator_does_not_widen_its_own_scopes(url: str, sessions: Sessions) -> None:
    clerk = register_client(sessions, url, ClientKind.OPERATOR, Scope.CLIENTS_WRITE)
    scopes = {"scopes": ["clients:write", "releases:write"]}
    assert clerk.request("PATCH", f"/v1/clients/{clerk.id}", scopes).status_code == 403
    body = {"kind": "changeScopes", "clientId": clerk.id} | scopes
    assert clerk.request("POST", "/v1/clientChanges", body).status_code == 403
    assert clerk.request("GET", f"/v1/clients/{clerk.id}").json()["scopes"] == ["clients:write"]


@pytest.mark.parametrize(
    "change",
    [
        "insert into client_keys (client_id, thumbprint, jwk) values ('{}', 'x', '{{}}')",
        "update client_keys set jwk = '{{}}' where client_id = '{}'",
        "delete from client_keys where client_id = '{}'",
        "update clients set scopes = '{{}}', state = 'active' where id = '{}'",
        "insert into clients (name, kind, scopes) values ('{}', 'integrator', '{{}}')",
        "insert into persons (name) values ('{}')",
        "update release_windows set opens_at = now() where id = '{}'",
        "insert into release_windows (id) values ('{}')",
        "update persons set name = '{}'",
        "insert into client_change_approvals select id, id from client_changes where id = '{}'",
        "update client_changes set takes_effect_at = now() where client_id = '{}'",
    ],
)
@pytest.mark.parametrize("program", ["operator", "worker", "importer"])
def test_only_the_api_writes_clients(
    settings_of: Callable[[str], Settings], vendor: OAuthClient, program: str, change: str
) -> None:
    login = settings_of(program).database_url.get_secret_value()
    with psycopg.connect(login) as connection, pytest.raises(InsufficientPrivilege):
        connection.execute(change.format(vendor.id))


@pytest.mark.parametrize(
    "query",
    [
        "select from audit_events",
        "select content_sha256 from deliveries",
        "select from audit_heads",
        APPEND_REFUSAL,
        "select school_of_document(gen_random_uuid())",
        "select visible_student(gen_random_uuid())",
        "select remove_release_window(gen_random_uuid())",
        "select from scale_scores",
        "select from results",
        "select from students",
        "select from documents",
        "explain select from results where level_id = 1",
        "select from job_items for update",
        "update job_items set fencing_token = fencing_token + 1",
        "update jobs set state = 'cancelled'",
        "lock table job_items",
        "lock table jobs",
    ],
)
def test_operator_login_reads_nothing_about_students(
    settings_of: Callable[[str], Settings], query: str
) -> None:
    login = settings_of("operator").database_url.get_secret_value()
    with psycopg.connect(login) as connection, pytest.raises(InsufficientPrivilege):
        connection.execute(query)
