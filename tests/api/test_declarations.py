"""Declarations of a school through the running API."""

from collections.abc import Iterator
from datetime import UTC, datetime

import httpx
import pytest
from sqlalchemy import delete

from shared.access.rules import Scope
from shared.core.clock import in_brussels
from shared.core.database import Sessions
from shared.core.unit_of_work import UnitOfWork
from shared.hand_overs.declarations.models import Declaration
from tests.api.conftest import AuditLog, Callers
from tests.api.seeding import SCHOOL, Seeded
from tests.operations import SCHOOL_YEAR

DECLARATIONS = "/v1/declarations"
BODY = {"schoolYear": SCHOOL_YEAR}


@pytest.fixture(autouse=True)
def _no_declarations(sessions: Sessions) -> Iterator[None]:
    yield
    with UnitOfWork(sessions) as unit:
        unit.session.execute(delete(Declaration))


def test_a_declaration_is_recorded_and_shown(school: httpx.Client, other: httpx.Client) -> None:
    made = school.post(DECLARATIONS, json=BODY)
    assert made.status_code == 201, made.text
    declaration = made.json()
    assert made.headers["Location"] == declaration["href"]
    assert declaration == {
        "href": f"{str(school.base_url).rstrip('/')}{DECLARATIONS}/{declaration['id']}",
        "id": declaration["id"],
        "schoolId": SCHOOL,
        "schoolYear": SCHOOL_YEAR,
        "declaredOn": in_brussels(datetime.now(UTC)).date().isoformat(),
        "recordedAt": declaration["recordedAt"],
    }
    assert school.get(declaration["href"]).json() == declaration
    assert school.get(DECLARATIONS).json()["items"] == [declaration]
    earlier = school.get(DECLARATIONS, params={"schoolYear": "2019-2020"})
    assert earlier.json()["items"] == other.get(DECLARATIONS).json()["items"] == []
    assert other.get(declaration["href"]).status_code == 404


def test_a_second_declaration_needs_the_withdrawal_of_the_first(school: httpx.Client) -> None:
    headers = {"Idempotency-Key": '"declaration"'}
    first, again = (school.post(DECLARATIONS, json=BODY, headers=headers) for _ in range(2))
    assert again.content == first.content
    second = school.post(DECLARATIONS, json=BODY)
    assert second.status_code == 409
    assert second.json()["type"].endswith(":declarationExists")
    withdrawn = school.post(f"{first.json()['href']}/withdraw").json()
    assert withdrawn == first.json() | {"withdrawnAt": withdrawn["withdrawnAt"]}
    assert school.post(f"{first.json()['href']}/withdraw").json() == withdrawn
    assert school.post(DECLARATIONS, json=BODY).status_code == 201
    listed = school.get(DECLARATIONS).json()["items"]
    assert ["withdrawnAt" in item for item in listed] == [False, True]


@pytest.mark.parametrize(
    ("body", "name"),
    [
        ({"schoolYear": "2019-2020"}, "/schoolYear"),
        ({"schoolYear": "now"}, "/schoolYear"),
        (BODY | {"declaredOn": "2099-01-01"}, "/declaredOn"),
        (BODY | {"declaredOn": "2020-01-01"}, "/declaredOn"),
    ],
)
def test_input_that_cannot_be_used_is_named(
    school: httpx.Client, body: dict[str, str], name: str
) -> None:
    response = school.post(DECLARATIONS, json=body)
    assert response.status_code == 400, response.text
    assert [issue["name"] for issue in response.json()["issues"]] == [name]


@pytest.mark.usefixtures("open_now")
def test_a_declaration_is_no_condition_of_reading(school: httpx.Client, seeded: Seeded) -> None:
    overview = f"/v1/documents/{seeded.documents['overview']}/content"
    assert school.get(DECLARATIONS).json()["items"] == []
    assert school.get(overview).status_code == 200


def test_a_declaration_is_shown_to_readers_of_hand_overs(callers: Callers) -> None:
    reader = callers.school(SCHOOL, Scope.HAND_OVERS_READ)
    assert reader.get(DECLARATIONS).status_code == 200
    refused = reader.post(DECLARATIONS, json=BODY)
    assert refused.json()["requiredScopes"] == ["declarations:write"]
    assert callers.school(SCHOOL, Scope.RESULTS_READ).get(DECLARATIONS).status_code == 403


def test_declarations_are_in_the_audit_log(school: httpx.Client, audit_log: AuditLog) -> None:
    href = school.post(DECLARATIONS, json=BODY).json()["href"]
    school.post(f"{href}/withdraw")
    entries = audit_log.entries()
    assert [(entry["action"], entry["organisation"]) for entry in entries] == [
        ("createDeclaration", SCHOOL),
        ("withdrawDeclaration", SCHOOL),
    ]
    assert {entry["resource"] for entry in entries} == {httpx.URL(href).path}
