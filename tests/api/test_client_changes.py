"""Changes of clients that several persons have to agree to."""

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import httpx
import pytest
from sqlalchemy import text

from shared.access.products import Product
from shared.access.rules import CallerKind, Scope
from shared.core.database import Sessions
from shared.core.unit_of_work import UnitOfWork
from shared.mandates.service import MandatePlan, give_mandate
from shared.oauth.clients.rules import ClientKind
from tests.api.conftest import AuditLog, Callers
from tests.api.oauth_clients import OAuthClient, register_client
from tests.api.seeding import OTHER, SCHOOL
from tests.callers import IN_A_YEAR, school_request
from tests.oauth.signing import KEY_FACTORIES

CHANGES = "/v1/clientChanges"
VENDOR_SCOPES = Scope.SCHOOLS_READ, Scope.STUDENTS_READ
END_DELAY = """
    update client_changes set requested_at = requested_at - interval '24 hours',
        takes_effect_at = takes_effect_at - interval '24 hours' where id = :id
"""
OWN_TYPE = "urn:problem-type:toetsfeedback:api:"


@pytest.fixture(scope="module")
def persons(url: str, sessions: Sessions) -> list[OAuthClient]:
    """The clients of four persons."""
    return [register_client(sessions, url, ClientKind.OPERATOR) for _ in range(4)]


@pytest.fixture
def vendor(url: str, sessions: Sessions) -> OAuthClient:
    """A vendor with a mandate of one school."""
    vendor = register_client(sessions, url, ClientKind.INTEGRATOR, *VENDOR_SCOPES)
    with UnitOfWork(sessions) as unit:
        plan = MandatePlan(vendor.id, [Product.SCHOOL_FEEDBACK], IN_A_YEAR, "Report book")
        give_mandate(unit, school_request(SCHOOL), plan)
    return vendor


@pytest.fixture
def end_delay(sessions: Sessions) -> Callable[[dict[str, Any]], None]:
    def end_delay(change: dict[str, Any]) -> None:
        with UnitOfWork(sessions) as unit:
            unit.session.execute(text(END_DELAY), {"id": change["id"]})

    return end_delay


def new_key() -> tuple[Any, dict[str, Any]]:
    key = KEY_FACTORIES["ES256"]()
    return key, key.as_dict(private=False)


def request(person: OAuthClient, kind: str, **values: Any) -> dict[str, Any]:
    answer = person.request("POST", CHANGES, {"kind": kind} | values)
    assert answer.status_code == 201, answer.text
    assert answer.headers["Location"] == answer.json()["href"]
    return dict(answer.json())


def approve(person: OAuthClient, change: dict[str, Any]) -> dict[str, Any]:
    answer = person.request("POST", f"{change['href']}/approve")
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def apply(person: OAuthClient, change: dict[str, Any]) -> httpx.Response:
    return person.request("POST", f"{change['href']}/apply")


def person_of(client: OAuthClient) -> str:
    return str(client.request("GET", f"/v1/clients/{client.id}").json()["personId"])


def actions(audit_log: AuditLog, school: str | None) -> list[str]:
    return [action for action, about, _, _ in audit_log.decisions() if about == school]


def test_key_that_two_persons_agree_on_waits_in_sight_of_the_schools(
    persons: list[OAuthClient],
    vendor: OAuthClient,
    audit_log: AuditLog,
    end_delay: Callable[[dict[str, Any]], None],
) -> None:
    key, public = new_key()
    second = OAuthClient(vendor.url, vendor.id, key)
    change = request(persons[0], "addKey", clientId=vendor.id, keys=[public])
    assert (change["state"], change["approvedBy"]) == ("pending", [])
    agreed = approve(persons[1], change)
    assert (agreed["state"], agreed["approvedBy"]) == ("agreed", [person_of(persons[1])])
    assert actions(audit_log, SCHOOL) == ["announceClientKey"]
    assert actions(audit_log, OTHER) == []
    early = apply(persons[0], change)
    assert (early.status_code, early.json()["type"]) == (409, f"{OWN_TYPE}changeNotDue")
    assert second.request_token().status_code == 401
    end_delay(change)
    assert apply(persons[0], change).json()["state"] == "applied"
    assert second.request_token().status_code == 200
    assert vendor.request_token().status_code == 200
    assert actions(audit_log, SCHOOL) == ["announceClientKey", "addClientKey"]
    again = apply(persons[0], change)
    assert (again.status_code, again.json()["type"]) == (409, f"{OWN_TYPE}changeEnded")


def test_announced_key_names_the_client_in_the_audit_log_of_the_school(
    persons: list[OAuthClient], vendor: OAuthClient, school: httpx.Client
) -> None:
    change = request(persons[0], "addKey", clientId=vendor.id, keys=[new_key()[1]])
    approve(persons[1], change)
    newest = school.get("/v1/auditEvents").json()["items"][0]
    assert (newest["action"], newest["resource"]) == (
        "announceClientKey",
        f"/v1/clients/{vendor.id}",
    )
    assert (newest["clientId"], newest["callerKind"]) == (persons[1].id, "operator")


def test_rejected_change_is_never_applied(
    persons: list[OAuthClient], vendor: OAuthClient, end_delay: Callable[[dict[str, Any]], None]
) -> None:
    change = request(persons[0], "addKey", clientId=vendor.id, keys=[new_key()[1]])
    approve(persons[1], change)
    end_delay(change)
    rejected = persons[2].request("POST", f"{change['href']}/reject")
    assert rejected.json()["state"] == "rejected"
    assert apply(persons[0], change).status_code == 409
    for verb in ("approve", "reject"):
        assert persons[3].request("POST", f"{change['href']}/{verb}").status_code == 409


def test_expired_change_is_never_applied(
    persons: list[OAuthClient], vendor: OAuthClient, end_delay: Callable[[dict[str, Any]], None]
) -> None:
    change = request(persons[0], "addKey", clientId=vendor.id, keys=[new_key()[1]])
    approve(persons[1], change)
    for _ in range(7):
        end_delay(change)
    assert apply(persons[0], change).status_code == 409
    assert persons[0].request("GET", change["href"]).json()["state"] == "expired"


def test_approval_of_a_person_suspended_since_does_not_count(
    url: str,
    sessions: Sessions,
    persons: list[OAuthClient],
    vendor: OAuthClient,
    end_delay: Callable[[dict[str, Any]], None],
) -> None:
    leaver = register_client(sessions, url, ClientKind.OPERATOR)
    change = request(leaver, "addKey", clientId=vendor.id, keys=[new_key()[1]])
    approve(persons[0], change)
    end_delay(change)
    suspended = {"state": "suspended"}
    assert persons[1].request("PATCH", f"/v1/clients/{leaver.id}", suspended).status_code == 200
    assert apply(persons[1], change).json()["type"] == f"{OWN_TYPE}approvalRequired"


def test_suspended_client_is_activated_by_two_persons(
    persons: list[OAuthClient], vendor: OAuthClient, audit_log: AuditLog
) -> None:
    href = f"/v1/clients/{vendor.id}"
    assert persons[0].request("PATCH", href, {"state": "suspended"}).status_code == 200
    assert vendor.request_token().status_code == 401
    approve(persons[1], request(persons[0], "activateClient", clientId=vendor.id))
    assert vendor.request_token().status_code == 200
    assert actions(audit_log, SCHOOL) == ["changeClient", "changeClient"]


def test_scope_of_a_vendor_takes_two_persons_and_restores_none_taken_away_since(
    persons: list[OAuthClient], vendor: OAuthClient, end_delay: Callable[[dict[str, Any]], None]
) -> None:
    scopes = ["results:read", "schools:read", "students:read"]
    change = request(persons[0], "changeScopes", clientId=vendor.id, scopes=scopes)
    approve(persons[1], change)
    assert vendor.request_token(scope="results:read").status_code == 400
    left = {"scopes": ["schools:read"]}
    assert persons[2].request("PATCH", f"/v1/clients/{vendor.id}", left).status_code == 200
    end_delay(change)
    assert apply(persons[0], change).status_code == 200
    assert vendor.request_token(scope="results:read schools:read").status_code == 200
    assert vendor.request_token(scope="students:read").status_code == 400


def test_person_is_registered_by_three_and_acts_then(persons: list[OAuthClient], url: str) -> None:
    key, public = new_key()
    about = {"personName": f"new {uuid4()}", "name": f"client {uuid4()}", "keys": [public]}
    change = request(persons[0], "registerPerson", **about, scopes=["clients:write"])
    assert approve(persons[1], change)["state"] == "pending"
    assert approve(persons[2], change)["state"] == "applied"
    listed = persons[0].request("GET", "/v1/clients?pageSize=200").json()["items"]
    (client,) = [one for one in listed if one["name"] == about["name"]]
    names = persons[0].request("GET", "/v1/persons?pageSize=200").json()["items"]
    assert [one["id"] for one in names if one["name"] == about["personName"]] == [
        client["personId"]
    ]
    assert OAuthClient(url, client["id"], key).request("GET", CHANGES).status_code == 200


def test_further_client_and_key_of_a_person_take_two_others_and_the_delay(
    persons: list[OAuthClient], url: str, end_delay: Callable[[dict[str, Any]], None]
) -> None:
    owner = persons[0]
    key, public = new_key()
    change = request(owner, "addKey", clientId=owner.id, keys=[public])
    assert approve(persons[1], change)["state"] == "pending"
    assert approve(persons[2], change)["state"] == "agreed"
    assert OAuthClient(url, owner.id, key).request_token().status_code == 401
    end_delay(change)
    assert apply(persons[2], change).json()["state"] == "applied"
    assert OAuthClient(url, owner.id, key).request_token().status_code == 200
    about = {"personId": person_of(owner), "name": f"client {uuid4()}", "keys": [new_key()[1]]}
    about["scopes"] = ["jobs:read"]
    further = request(persons[1], "registerClient", **about)
    assert owner.request("POST", f"{further['href']}/approve").status_code == 403
    assert approve(persons[2], further)["state"] == "agreed"
    assert owner.request("POST", f"{further['href']}/reject").json()["state"] == "rejected"


def test_person_that_cannot_object_gets_no_key(
    persons: list[OAuthClient],
    url: str,
    sessions: Sessions,
    end_delay: Callable[[dict[str, Any]], None],
) -> None:
    third = register_client(sessions, url, ClientKind.OPERATOR)
    about = {"clientId": third.id, "keys": [new_key()[1]]}
    change = request(persons[0], "addKey", **about)
    approve(persons[1], change)
    suspended = {"state": "suspended"}
    assert persons[0].request("PATCH", f"/v1/clients/{third.id}", suspended).status_code == 200
    end_delay(change)
    assert apply(persons[0], change).json()["type"] == f"{OWN_TYPE}changeEnded"
    for kind, values in (("addKey", about), ("registerClient", {**about, "name": "further"})):
        body = {"kind": kind} | values
        if kind == "registerClient":
            body |= {
                "personId": persons[0].request("GET", f"/v1/clients/{third.id}").json()["personId"]
            }
            del body["clientId"]
            body["scopes"] = ["jobs:read"]
        refused = persons[0].request("POST", CHANGES, body)
        assert refused.json()["type"] == f"{OWN_TYPE}approvalRequired"


def test_person_who_may_not_reject_changes_gets_no_key(
    persons: list[OAuthClient], url: str, sessions: Sessions
) -> None:
    other = register_client(sessions, url, ClientKind.OPERATOR, Scope.JOBS_READ)
    body = {"kind": "addKey", "clientId": other.id, "keys": [new_key()[1]]}
    refused = persons[0].request("POST", CHANGES, body).json()
    assert "with clients:write" in refused["detail"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"kind": "addKey", "keys": [{"kty": "oct"}]},
        {"kind": "addKey", "keys": []},
        {"kind": "addKey"},
        {"kind": "changeScopes", "scopes": ["jobs:write"]},
        {"kind": "changeScopes", "scopes": None},
        {"kind": "activateClient", "clientId": str(uuid4())},
        {"kind": "registerClient", "personId": str(uuid4()), "name": "x", "keys": []},
        {"kind": "registerClient", "personId": str(uuid4()), "name": "x", "keys": [new_key()[1]]},
        {"kind": "open"},
        {},
    ],
)
def test_change_that_cannot_be_made_is_invalid(
    persons: list[OAuthClient], vendor: OAuthClient, wrong: dict[str, Any]
) -> None:
    body = wrong if wrong.get("kind") == "registerClient" else {"clientId": vendor.id} | wrong
    assert persons[0].request("POST", CHANGES, body).status_code == 400


def test_caller_without_a_person_changes_nothing(
    callers: Callers, persons: list[OAuthClient], vendor: OAuthClient
) -> None:
    nameless = callers.client(callers.token(CallerKind.OPERATOR))
    body = {"kind": "activateClient", "clientId": vendor.id}
    assert nameless.post(CHANGES, json=body).status_code == 403
    change = request(persons[0], "activateClient", clientId=vendor.id)
    for verb in ("approve", "reject", "apply"):
        assert nameless.post(f"{change['href']}/{verb}").status_code == 403
    assert nameless.get(change["href"]).json()["state"] == "pending"


def test_change_that_does_not_exist_is_not_found(persons: list[OAuthClient]) -> None:
    missing = f"{CHANGES}/{uuid4()}"
    assert persons[0].request("GET", missing).status_code == 404
    for verb in ("approve", "reject", "apply"):
        assert persons[0].request("POST", f"{missing}/{verb}").status_code == 404
