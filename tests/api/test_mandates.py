"""Mandates of a school for an integrator, through the running API."""

from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx
import pytest

from shared.access.rules import GRANTABLE, Caller, CallerKind, Scope
from shared.core.clock import in_brussels
from shared.core.database import Sessions
from shared.core.unit_of_work import UnitOfWork
from shared.oauth.clients.rules import ClientKind
from shared.oauth.clients.service import names_of
from tests.api.conftest import AuditLog, Callers
from tests.api.oauth_clients import register_client
from tests.api.seeding import OTHER, SCHOOL, Seeded

MANDATES = "/v1/mandates"


def today() -> date:
    return in_brussels(datetime.now(UTC)).date()


class Vendor:
    """A new integrator per test, so that tests do not share mandates."""

    def __init__(self, callers: Callers, sessions: Sessions) -> None:
        self.name = register_client(sessions, callers.url, ClientKind.INTEGRATOR).id
        with UnitOfWork(sessions) as unit:
            self.registered_name = names_of(unit.session, [self.name])[self.name]
        caller = Caller(self.name, CallerKind.INTEGRATOR, GRANTABLE[CallerKind.INTEGRATOR])
        self.client = callers.client(callers.issue(caller))

    def create_mandate(self, school: httpx.Client, **body: Any) -> httpx.Response:
        plan = {
            "clientId": self.name,
            "products": ["studentFeedback"],
            "until": (today() + timedelta(days=30)).isoformat(),
            "purpose": "Report book",
        }
        return school.post(MANDATES, json=plan | body)


@pytest.fixture
def vendor(callers: Callers, sessions: Sessions) -> Vendor:
    return Vendor(callers, sessions)


LISTED = f"/v1/schools/{SCHOOL}/documents"


def paths(seeded: Seeded) -> list[str]:
    """Return the paths of every kind of data that a mandate can share."""
    return [
        f"/v1/schools/{SCHOOL}/students",
        f"/v1/students/{seeded.students['first']}",
        f"/v1/schools/{SCHOOL}/results",
        f"/v1/students/{seeded.students['first']}/results",
        LISTED,
        f"/v1/documents/{seeded.documents['fiche']}",
        f"/v1/documents/{seeded.documents['fiche']}/content",
    ]


def statuses(client: httpx.Client, seeded: Seeded) -> set[int]:
    return {client.get(path).status_code for path in paths(seeded)}


def test_a_new_mandate_has_every_property_and_the_school_of_the_token(
    school: httpx.Client, vendor: Vendor
) -> None:
    response = vendor.create_mandate(school, products=["studentFeedback", "schoolFeedback"])
    assert response.status_code == 201, response.text
    body = response.json()
    assert response.headers["Location"] == body["href"]
    assert body.pop("updatedAt")
    assert body == {
        "href": f"{school.base_url}{MANDATES}/{body['id']}",
        "id": body["id"],
        "schoolId": SCHOOL,
        "clientId": vendor.name,
        "clientName": vendor.registered_name,
        "products": ["schoolFeedback", "studentFeedback"],
        "from": today().isoformat(),
        "until": (today() + timedelta(days=30)).isoformat(),
        "purpose": "Report book",
        "state": "inForce",
        "version": 1,
    }
    for client in (school, vendor.client):
        assert client.get(body["href"]).json() == response.json()


@pytest.mark.usefixtures("open_now")
def test_an_issued_token_follows_changes_of_the_mandate_immediately(
    school: httpx.Client, vendor: Vendor, seeded: Seeded
) -> None:
    assert statuses(vendor.client, seeded) == {404}
    href = vendor.create_mandate(school).json()["href"]
    assert statuses(vendor.client, seeded) == {200}
    assert [item["id"] for item in vendor.client.get("/v1/schools").json()["items"]] == [SCHOOL]
    revoked = school.post(f"{href}/revoke").json()
    assert (revoked["state"], revoked["version"]) == ("revoked", 2)
    assert revoked["revokedAt"] == revoked["updatedAt"]
    assert statuses(vendor.client, seeded) == {404}
    assert vendor.client.get("/v1/schools").json()["total"] == 0


@pytest.mark.usefixtures("open_now")
def test_a_mandate_gives_no_access_to_another_school(
    school: httpx.Client, vendor: Vendor, seeded: Seeded
) -> None:
    vendor.create_mandate(school)
    others = [
        f"/v1/schools/{OTHER}",
        f"/v1/schools/{OTHER}/students",
        f"/v1/schools/{OTHER}/results",
        f"/v1/schools/{OTHER}/documents",
        f"/v1/students/{seeded.students['other']}",
        f"/v1/documents/{seeded.documents['of other']}/content",
    ]
    assert {vendor.client.get(path).status_code for path in others} == {404}


@pytest.mark.usefixtures("open_now")
@pytest.mark.parametrize(
    "body",
    [
        {"products": ["schoolFeedback"]},
        {"from": (today() + timedelta(days=2)).isoformat()},
    ],
)
def test_a_mandate_for_another_product_or_day_gives_no_access(
    school: httpx.Client, vendor: Vendor, seeded: Seeded, body: dict[str, Any]
) -> None:
    href = vendor.create_mandate(school, **body).json()["href"]
    listed = vendor.client.get(LISTED)
    is_other_product = "products" in body  # it lists the documents of that product: none
    assert (listed.status_code, listed.json().get("items")) == (
        (200, []) if is_other_product else (404, None)
    )
    others = {vendor.client.get(path).status_code for path in paths(seeded) if path != LISTED}
    assert others == {404}
    school.post(f"{href}/revoke")


def test_a_mandate_for_any_product_gives_access_to_the_school_resource(
    school: httpx.Client, vendor: Vendor
) -> None:
    vendor.create_mandate(school, products=["schoolFeedback"])
    assert vendor.client.get(f"/v1/schools/{SCHOOL}").status_code == 200


def test_a_mandate_gives_no_access_before_release(
    school: httpx.Client, vendor: Vendor, seeded: Seeded
) -> None:
    vendor.create_mandate(school)
    assert vendor.client.get(f"/v1/schools/{SCHOOL}/results").json()["total"] == 0
    fiche = f"/v1/documents/{seeded.documents['fiche']}/content"
    assert vendor.client.get(fiche).status_code == 404


def test_only_a_school_creates_or_ends_its_mandates(
    school: httpx.Client, other: httpx.Client, operator: httpx.Client, vendor: Vendor
) -> None:
    href = vendor.create_mandate(school).json()["href"]
    for client in (vendor.client, operator):
        assert vendor.create_mandate(client).status_code == 403
        assert client.post(f"{href}/revoke").status_code == 403
        assert client.patch(href, json={"until": today().isoformat()}).status_code == 403
    assert operator.get(MANDATES).status_code == 403
    assert other.get(href).status_code == 404
    assert other.post(f"{href}/revoke").status_code == 404
    assert school.get(href).json()["state"] == "inForce"


def test_creating_a_mandate_requires_the_scope(callers: Callers, vendor: Vendor) -> None:
    response = vendor.create_mandate(callers.school(SCHOOL, Scope.MANDATES_READ))
    assert response.status_code == 403
    assert response.json()["requiredScopes"] == ["mandates:write"]


def test_a_mandate_is_shortened_and_listed_by_day(school: httpx.Client, vendor: Vendor) -> None:
    href = vendor.create_mandate(school).json()["href"]
    tomorrow = today() + timedelta(days=1)
    changed = school.patch(href, json={"until": tomorrow.isoformat()})
    assert (changed.status_code, changed.json()["until"]) == (200, tomorrow.isoformat())

    def listed_on(day: date) -> list[str]:
        response = vendor.client.get(MANDATES, params={"referenceDate": day.isoformat()})
        return [item["href"] for item in response.json()["items"]]

    assert listed_on(tomorrow) == [href]
    assert listed_on(tomorrow + timedelta(days=1)) == []
    longer = school.patch(href, json={"until": (today() + timedelta(days=9)).isoformat()})
    assert longer.json()["issues"][0]["name"] == "/until"


INVISIBLE = "\n\x00\x7f\x85\x9b\u200b\u200f\u202e\u2028\u2066\u2069\u061c\ufeff"


def test_mandate_lasts_a_school_year_at_most_by_default(
    school: httpx.Client, vendor: Vendor
) -> None:
    until = today() + timedelta(days=365)
    assert vendor.create_mandate(school, until=until.isoformat()).status_code == 201


@pytest.mark.parametrize(
    ("body", "name"),
    [
        ({"products": []}, "/products"),
        ({"products": ["studentFeedback", "studentFeedback"]}, "/products"),
        ({"products": ["everything"]}, "/products/0"),
        ({"from": "2024-01-01"}, "/from"),
        ({"until": "2024-01-01"}, "/until"),
        ({"until": "2024-02-30"}, "/until"),
        ({"until": "1718949600"}, "/until"),
        ({"until": None}, "/until"),
        ({"until": (today() + timedelta(days=366)).isoformat()}, "/until"),
        ({"from": "2090-01-01", "until": "2091-01-02"}, "/until"),
        ({"purpose": ""}, "/purpose"),
        *(({"purpose": f"Report{character}book"}, "/purpose") for character in INVISIBLE),
        ({"schoolId": OTHER}, "/schoolId"),
        ({"clientId": "a vendor"}, "/clientId"),
        ({"clientId": str(uuid4())}, "/clientId"),
    ],
)
def test_an_invalid_mandate_is_rejected(
    school: httpx.Client, vendor: Vendor, body: dict[str, Any], name: str
) -> None:
    response = vendor.create_mandate(school, **body)
    assert response.status_code == 400
    assert [issue["name"] for issue in response.json()["issues"]] == [name]


@pytest.mark.parametrize("kind", [ClientKind.PORTAL, ClientKind.OPERATOR])
def test_a_mandate_for_a_client_of_another_kind_is_rejected(
    school: httpx.Client, vendor: Vendor, sessions: Sessions, kind: ClientKind
) -> None:
    client = register_client(sessions, str(school.base_url), kind)
    assert vendor.create_mandate(school, clientId=client.id).status_code == 400


@pytest.mark.usefixtures("open_now")
def test_audit_events_have_the_purpose_of_the_mandate(
    school: httpx.Client, vendor: Vendor, seeded: Seeded
) -> None:
    vendor.create_mandate(school)
    for path in paths(seeded):
        vendor.client.get(path)
    entries = school.get("/v1/auditEvents", params={"pageSize": len(paths(seeded))}).json()["items"]
    assert [(one["clientId"], one["purpose"]) for one in entries] == [
        (vendor.name, "Report book")
    ] * len(paths(seeded))


def test_an_overlapping_mandate_is_rejected(school: httpx.Client, vendor: Vendor) -> None:
    vendor.create_mandate(school)
    again = vendor.create_mandate(school)
    assert again.status_code == 409
    assert again.json()["type"].endswith(":mandateOverlaps")


@pytest.mark.parametrize("day", ["2024-13-01", "today", "20240101", "2024-01-01T00:00:00Z"])
def test_an_invalid_reference_date_is_rejected(school: httpx.Client, day: str) -> None:
    response = school.get(MANDATES, params={"referenceDate": day})
    assert response.status_code == 400
    assert response.json()["issues"][0]["name"] == "referenceDate"


def test_an_invalid_school_number_in_the_path_is_rejected(vendor: Vendor) -> None:
    assert vendor.client.get("/v1/schools/%00").status_code == 404


def test_a_refused_read_of_an_integrator_is_in_the_audit_log(
    vendor: Vendor, seeded: Seeded, audit_log: AuditLog
) -> None:
    vendor.client.get(f"/v1/students/{seeded.students['first']}")
    assert audit_log.decisions() == [("getStudent", SCHOOL, "refused", "reach")]
