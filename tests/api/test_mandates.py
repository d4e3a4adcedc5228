"""What a school shares with an integrator, as both see it through the running API."""

from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx
import pytest

from shared.access.rules import GRANTABLE, Caller, CallerKind, Scope
from shared.core.clock import in_brussels
from shared.core.database import Sessions
from shared.oauth.clients.rules import ClientKind
from tests.api.conftest import Callers, Trail
from tests.api.oauth_clients import registered
from tests.api.seeding import OTHER, SCHOOL, Seeded

MANDATES = "/v1/mandates"


def today() -> date:
    return in_brussels(datetime.now(UTC)).date()


class Vendor:
    """An integrator of its own, so that tests do not see each other's mandates."""

    def __init__(self, callers: Callers, sessions: Sessions) -> None:
        self.name = registered(sessions, callers.url, ClientKind.INTEGRATOR).id
        caller = Caller(self.name, CallerKind.INTEGRATOR, GRANTABLE[CallerKind.INTEGRATOR])
        self.client = callers.client(callers.issue(caller))

    def mandated(self, school: httpx.Client, **body: Any) -> httpx.Response:
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


def paths(seeded: Seeded) -> list[str]:
    """A read of every kind that an integrator can be given."""
    return [
        f"/v1/schools/{SCHOOL}/students",
        f"/v1/students/{seeded.students['first']}",
        f"/v1/schools/{SCHOOL}/results",
        f"/v1/students/{seeded.students['first']}/results",
        f"/v1/schools/{SCHOOL}/documents",
        f"/v1/documents/{seeded.documents['fiche']}",
        f"/v1/documents/{seeded.documents['fiche']}/content",
    ]


def seen(client: httpx.Client, seeded: Seeded) -> set[int]:
    return {client.get(path).status_code for path in paths(seeded)}


def test_a_mandate_names_everything_but_the_school(school: httpx.Client, vendor: Vendor) -> None:
    answer = vendor.mandated(school, products=["studentFeedback", "schoolFeedback"])
    assert answer.status_code == 201, answer.text
    body = answer.json()
    assert answer.headers["Location"] == body["href"]
    assert body.pop("updatedAt")
    assert body == {
        "href": f"{school.base_url}{MANDATES}/{body['id']}",
        "id": body["id"],
        "schoolId": SCHOOL,
        "clientId": vendor.name,
        "products": ["schoolFeedback", "studentFeedback"],
        "from": today().isoformat(),
        "until": (today() + timedelta(days=30)).isoformat(),
        "purpose": "Report book",
        "state": "inForce",
        "version": 1,
    }
    for client in (school, vendor.client):
        assert client.get(body["href"]).json() == answer.json()


@pytest.mark.usefixtures("open_now")
def test_a_token_that_is_out_follows_the_mandate_at_once(
    school: httpx.Client, vendor: Vendor, seeded: Seeded
) -> None:
    assert seen(vendor.client, seeded) == {404}
    href = vendor.mandated(school).json()["href"]
    assert seen(vendor.client, seeded) == {200}
    assert [item["id"] for item in vendor.client.get("/v1/schools").json()["items"]] == [SCHOOL]
    revoked = school.post(f"{href}/revoke").json()
    assert (revoked["state"], revoked["version"]) == ("revoked", 2)
    assert revoked["revokedAt"] == revoked["updatedAt"]
    assert seen(vendor.client, seeded) == {404}
    assert vendor.client.get("/v1/schools").json()["total"] == 0


@pytest.mark.usefixtures("open_now")
def test_a_mandate_opens_no_other_school(
    school: httpx.Client, vendor: Vendor, seeded: Seeded
) -> None:
    vendor.mandated(school)
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
def test_another_product_or_another_day_opens_nothing(
    school: httpx.Client, vendor: Vendor, seeded: Seeded, body: dict[str, Any]
) -> None:
    href = vendor.mandated(school, **body).json()["href"]
    assert seen(vendor.client, seeded) == {404}
    school.post(f"{href}/revoke")


def test_a_mandate_for_anything_shows_who_the_school_is(
    school: httpx.Client, vendor: Vendor
) -> None:
    vendor.mandated(school, products=["schoolFeedback"])
    assert vendor.client.get(f"/v1/schools/{SCHOOL}").status_code == 200


def test_a_mandate_does_not_open_what_is_not_released(
    school: httpx.Client, vendor: Vendor, seeded: Seeded
) -> None:
    vendor.mandated(school)
    assert vendor.client.get(f"/v1/schools/{SCHOOL}/results").json()["total"] == 0
    fiche = f"/v1/documents/{seeded.documents['fiche']}/content"
    assert vendor.client.get(fiche).status_code == 404


def test_nobody_but_a_school_gives_or_ends_mandates(
    school: httpx.Client, other: httpx.Client, operator: httpx.Client, vendor: Vendor
) -> None:
    href = vendor.mandated(school).json()["href"]
    for client in (vendor.client, operator):
        assert vendor.mandated(client).status_code == 403
        assert client.post(f"{href}/revoke").status_code == 403
        assert client.patch(href, json={"until": today().isoformat()}).status_code == 403
    assert operator.get(MANDATES).status_code == 403
    assert other.get(href).status_code == 404
    assert other.post(f"{href}/revoke").status_code == 404
    assert school.get(href).json()["state"] == "inForce"


def test_a_school_token_needs_the_scope(callers: Callers, vendor: Vendor) -> None:
    answer = vendor.mandated(callers.school(SCHOOL, Scope.MANDATES_READ))
    assert answer.status_code == 403
    assert answer.json()["requiredScopes"] == ["mandates:write"]


def test_a_mandate_is_shortened_and_listed_by_day(school: httpx.Client, vendor: Vendor) -> None:
    href = vendor.mandated(school).json()["href"]
    tomorrow = today() + timedelta(days=1)
    changed = school.patch(href, json={"until": tomorrow.isoformat()})
    assert (changed.status_code, changed.json()["until"]) == (200, tomorrow.isoformat())

    def on(day: date) -> list[str]:
        answer = vendor.client.get(MANDATES, params={"referenceDate": day.isoformat()})
        return [item["href"] for item in answer.json()["items"]]

    assert on(tomorrow) == [href]
    assert on(tomorrow + timedelta(days=1)) == []
    longer = school.patch(href, json={"until": (today() + timedelta(days=9)).isoformat()})
    assert longer.json()["issues"][0]["name"] == "/until"


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
        ({"purpose": ""}, "/purpose"),
        ({"schoolId": OTHER}, "/schoolId"),
        ({"clientId": "a vendor"}, "/clientId"),
        ({"clientId": str(uuid4())}, "/clientId"),
    ],
)
def test_a_mandate_that_makes_no_sense_is_refused(
    school: httpx.Client, vendor: Vendor, body: dict[str, Any], name: str
) -> None:
    answer = vendor.mandated(school, **body)
    assert answer.status_code == 400
    assert [issue["name"] for issue in answer.json()["issues"]] == [name]


@pytest.mark.parametrize("kind", [ClientKind.PORTAL, ClientKind.OPERATOR])
def test_only_with_an_integrator_something_is_shared(
    school: httpx.Client, vendor: Vendor, sessions: Sessions, kind: ClientKind
) -> None:
    client = registered(sessions, str(school.base_url), kind)
    assert vendor.mandated(school, clientId=client.id).status_code == 400


@pytest.mark.usefixtures("open_now")
def test_the_trail_says_what_an_integrator_reads_for(
    school: httpx.Client, vendor: Vendor, seeded: Seeded
) -> None:
    vendor.mandated(school)
    for path in paths(seeded):
        vendor.client.get(path)
    entries = school.get("/v1/auditEvents", params={"pageSize": len(paths(seeded))}).json()["items"]
    assert [(one["clientId"], one["purpose"]) for one in entries] == [
        (vendor.name, "Report book")
    ] * len(paths(seeded))


def test_the_same_is_not_shared_twice(school: httpx.Client, vendor: Vendor) -> None:
    vendor.mandated(school)
    again = vendor.mandated(school)
    assert again.status_code == 409
    assert again.json()["type"].endswith(":mandateOverlaps")


@pytest.mark.parametrize("day", ["2024-13-01", "today", "20240101", "2024-01-01T00:00:00Z"])
def test_a_reference_date_is_a_day(school: httpx.Client, day: str) -> None:
    answer = school.get(MANDATES, params={"referenceDate": day})
    assert answer.status_code == 400
    assert answer.json()["issues"][0]["name"] == "referenceDate"


def test_an_odd_school_in_the_path_is_no_reason_to_fail(vendor: Vendor) -> None:
    assert vendor.client.get("/v1/schools/%00").status_code == 400


def test_a_refused_read_of_an_integrator_is_on_the_trail(
    vendor: Vendor, seeded: Seeded, trail: Trail
) -> None:
    vendor.client.get(f"/v1/students/{seeded.students['first']}")
    assert trail.verdicts() == [("getStudent", SCHOOL, "refused", "reach")]
