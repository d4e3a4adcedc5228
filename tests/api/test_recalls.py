"""Recalls through the API: one operator closes what is open, at once."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import select

from shared.access.products import Product
from shared.changes.models import ChangeEvent
from shared.core.database import Sessions
from shared.core.unit_of_work import UnitOfWork
from shared.releases.repository import lock_recalls
from tests.api.conftest import AuditLog, Callers
from tests.api.operators import Operator, operators
from tests.api.seeding import ADMINISTRATION, OTHER, SCHOOL, Seeded
from tests.releasing import close_everything, open_scope

REASON = "wrong norm"
RECALLS = "/v1/recalls"
PLAN = f"/v1/releasePlans/{ADMINISTRATION}"


@pytest.fixture(scope="module")
def persons(sessions: Sessions, callers: Callers) -> Sequence[Operator]:
    return operators(sessions, callers, "planner", "first", "second")


@pytest.fixture(scope="module")
def planner(persons: Sequence[Operator]) -> httpx.Client:
    return persons[0].api


@pytest.fixture(autouse=True)
def released_by_approval(sessions: Sessions, seeded: Seeded) -> Iterator[None]:
    assert seeded.documents
    with UnitOfWork(sessions) as unit:
        open_scope(unit.session, ADMINISTRATION, Product.STUDENT_FEEDBACK)
    yield
    with UnitOfWork(sessions) as unit:
        close_everything(unit.session)


def recall(api: httpx.Client, **scope: Any) -> httpx.Response:
    body = {"administrationId": ADMINISTRATION, "reason": REASON, "product": "studentFeedback"}
    return api.post(RECALLS, json=body | scope)


def components_of(api: httpx.Client, school_id: str) -> set[str]:
    items = api.get(f"/v1/schools/{school_id}/results").json()["items"]
    return {item["component"] for item in items}


def test_a_recall_closes_results_and_documents_of_what_it_names(
    planner: httpx.Client, school: httpx.Client, other: httpx.Client, seeded: Seeded
) -> None:
    document = f"/v1/documents/{seeded.documents['reading only']}"
    assert components_of(school, SCHOOL) == {"LO4-LEZ", "LO4-WIS"}
    assert recall(planner, component="LO4-WIS").status_code == 201
    assert components_of(school, SCHOOL) == {"LO4-LEZ"}
    assert school.get(document).status_code == 200
    assert recall(planner, targetGroup="LO4").status_code == 201
    assert components_of(school, SCHOOL) == set()
    assert school.get(document).status_code == 404
    assert school.get(f"{document}/content").status_code == 404
    assert components_of(other, OTHER) == {"SO2A-LEZ"}
    assert recall(planner).status_code == 201
    assert components_of(other, OTHER) == set()


def test_a_recall_of_a_target_group_waits_for_a_delivery_that_moves_a_component(
    planner: httpx.Client, sessions: Sessions
) -> None:
    """It sees which target group the component has then; other recalls do not wait."""
    with ThreadPoolExecutor() as pool, UnitOfWork(sessions) as unit:
        lock_recalls(unit.session, ADMINISTRATION)
        waiting = pool.submit(recall, planner, targetGroup="LO4")
        assert recall(planner, component="LO4-WIS").status_code == 201
        assert recall(planner, schoolId=SCHOOL).status_code == 201
        assert not waiting.done()
        unit.session.rollback()
        assert waiting.result().status_code == 201


def test_a_recall_from_one_school_leaves_the_others(
    planner: httpx.Client, school: httpx.Client, other: httpx.Client, seeded: Seeded
) -> None:
    assert recall(planner, schoolId=SCHOOL).status_code == 201
    assert components_of(school, SCHOOL) == set()
    assert school.get(f"/v1/schools/{SCHOOL}/documents").json()["total"] == 0
    fiche = f"/v1/documents/{seeded.documents['fiche']}"
    assert school.get(fiche).status_code == 404
    assert school.post(f"{fiche}/grants").status_code == 404
    assert components_of(other, OTHER) == {"SO2A-LEZ"}


def test_a_recall_without_a_product_is_of_all_products(planner: httpx.Client) -> None:
    body = {"administrationId": ADMINISTRATION, "reason": REASON}
    made = planner.post(RECALLS, json=body).json()["items"]
    assert [one["product"] for one in made] == [product.value for product in Product]
    assert all(planner.get(one["href"]).json() == one for one in made)
    listed = planner.get(f"{RECALLS}?administrationId={ADMINISTRATION}").json()
    assert listed["total"] == 3
    assert {one["isActive"] for one in listed["items"]} == {True}


@pytest.mark.parametrize(
    ("scope", "name"),
    [
        ({"targetGroup": "LO9"}, "/targetGroup"),
        ({"component": "LO9"}, "/component"),
        ({"schoolId": "999999"}, "/schoolId"),
        ({"administrationId": "2025"}, "/administrationId"),
        ({"targetGroup": "LO4", "schoolId": SCHOOL}, "/targetGroup"),
        ({"reason": ""}, "/reason"),
    ],
)
def test_a_recall_of_something_unknown_is_refused(
    planner: httpx.Client, scope: dict[str, str], name: str
) -> None:
    refused = recall(planner, **scope)
    assert refused.status_code == 400
    assert [issue["name"] for issue in refused.json()["issues"]] == [name]


def test_only_a_registered_person_recalls(operator: httpx.Client, school: httpx.Client) -> None:
    assert recall(operator).status_code == 403
    assert recall(school).status_code == 403
    assert components_of(school, SCHOOL) != set()


def test_a_recall_is_in_the_audit_log_of_the_schools_concerned(
    planner: httpx.Client, persons: Sequence[Operator], audit_log: AuditLog
) -> None:
    made = recall(planner, schoolId=OTHER).json()["items"][0]
    assert made["recalledBy"] == str(persons[0].person_id)
    recall(planner, component="LO4-WIS")
    entries = [one for one in audit_log.entries() if one["action"] == "createRecall"]
    assert [one["organisation"] for one in entries] == [None, OTHER, None, SCHOOL, OTHER]


def test_a_recall_has_a_change_event_and_a_refused_one_has_none(
    planner: httpx.Client, operator: httpx.Client, sessions: Sessions
) -> None:
    assert recall(operator).status_code == 403
    made = planner.post(RECALLS, json={"administrationId": ADMINISTRATION, "reason": REASON})
    with UnitOfWork(sessions) as unit:
        recent = select(ChangeEvent).order_by(ChangeEvent.number.desc()).limit(3)
        events = unit.session.scalars(recent).all()[::-1]
        found = [(one.kind, str(one.source_id), one.product) for one in events]
    assert found == [("recalled", one["id"], one["product"]) for one in made.json()["items"]]


def test_the_plan_gives_a_recall_its_end_as_an_opening(planner: httpx.Client) -> None:
    made = recall(planner, component="LO4-WIS").json()["items"][0]
    present = planner.get(PLAN)
    windows = [
        {name: one[name] for name in ("product", "opensAt")} for one in present.json()["windows"]
    ]
    reopens_at = datetime.now(UTC).replace(microsecond=0) + timedelta(days=1)
    reopening = {"recallId": made["id"], "opensAt": reopens_at.isoformat()}
    replaced = planner.put(
        PLAN,
        json={"windows": windows, "reopenings": [reopening]},
        headers={"If-Match": present.headers["ETag"]},
    )
    assert replaced.status_code == 200, replaced.text
    (changed,) = replaced.json()["changedOpenings"]
    opening = planner.get(f"/v1/openings/{changed}").json()
    assert (opening["recallId"], opening["components"]) == (made["id"], ["LO4-WIS"])
    assert (opening["state"], opening["blockedBy"]) == ("planned", "notVerified")
