"""A school reads who has a fiche to hand over, and who has none and why, after the release only."""

from datetime import timedelta

import httpx
import pytest
from sqlalchemy import update

from shared.core.database import Sessions
from shared.core.unit_of_work import UnitOfWork
from shared.schools.models import Participation
from shared.students.models import Student
from tests.api.conftest import AuditLog
from tests.api.seeding import LONG_AGO, OTHER, SCHOOL, Seeded, release, released

LIST = f"/v1/schools/{SCHOOL}/handOutEntries"


def given_names(client: httpx.Client, **query: str) -> list[str]:
    response = client.get(LIST, params=query)
    assert response.status_code == 200, response.text
    items = response.json()["items"]
    assert response.json()["total"] == len(items)
    return [item["givenName"].removeprefix("Voornaam-") for item in items]


@pytest.mark.usefixtures("open_now")
def test_each_student_has_a_fiche_or_the_reason_for_none(
    school: httpx.Client, seeded: Seeded
) -> None:
    first, second, third = school.get(LIST).json()["items"]
    root = str(school.base_url.join("/v1"))
    assert first == {
        "student": {
            "id": str(seeded.students["first"]),
            "href": f"{root}/students/{seeded.students['first']}",
        },
        "administrationId": "2024",
        "classGroup": "4A",
        "familyName": "Familie-first",
        "givenName": "Voornaam-first",
        "fiche": {
            "id": str(seeded.documents["fiche"]),
            "href": f"{root}/documents/{seeded.documents['fiche']}",
        },
    }
    assert second["fiche"]["id"] == str(seeded.documents["reading only"])
    assert "fiche" not in third
    assert third["missing"]["reason"] == "undrawableText"
    assert all(third["missing"][name] for name in ("title", "explanation", "remedy"))


@pytest.mark.usefixtures("open_now")
def test_a_list_is_of_one_class_group_or_administration(school: httpx.Client) -> None:
    assert given_names(school, classGroup="4A") == ["first", "second"]
    assert given_names(school, classGroup="4B", administrationId="2024") == ["third"]
    assert given_names(school, administrationId="2025") == []


def test_before_the_release_there_is_no_entry_and_no_number(
    school: httpx.Client, sessions: Sessions
) -> None:
    assert given_names(school) == []
    with released(sessions, opens_in=timedelta(hours=1)):
        assert given_names(school) == []


def test_an_entry_waits_for_all_components_that_it_is_about(
    school: httpx.Client, sessions: Sessions
) -> None:
    with released(sessions, opens_in=timedelta(hours=1)):
        with UnitOfWork(sessions) as unit:
            release(unit, target_group="LO4", component="LO4-LEZ")
        assert given_names(school) == ["second"]
        with UnitOfWork(sessions) as unit:
            release(unit, target_group="LO4", component="LO4-WIS")
        assert given_names(school) == ["first", "second", "third"]


@pytest.mark.usefixtures("open_now")
def test_a_student_whose_enrolment_ended_is_not_in_it(
    school: httpx.Client, sessions: Sessions, seeded: Seeded
) -> None:
    third = update(Student).where(Student.id == seeded.students["third"])
    with UnitOfWork(sessions) as unit:
        unit.session.execute(third.values(removed_at=LONG_AGO))
    try:
        assert given_names(school) == ["first", "second"]
    finally:
        with UnitOfWork(sessions) as unit:
            unit.session.execute(third.values(removed_at=None))


@pytest.mark.usefixtures("open_now")
def test_entries_of_earlier_facts_are_being_rebuilt(
    school: httpx.Client, sessions: Sessions
) -> None:
    with UnitOfWork(sessions) as unit:
        raised = update(Participation).where(Participation.school_id == SCHOOL)
        unit.session.execute(raised.values(facts_revision=2))
    try:
        assert school.get(LIST).json()["type"].endswith(":documentBeingRebuilt")
    finally:
        with UnitOfWork(sessions) as unit:
            unit.session.execute(raised.values(facts_revision=1))


@pytest.mark.usefixtures("open_now")
def test_a_read_is_recorded_with_the_students_and_a_refusal_with_its_rule(
    school: httpx.Client,
    other: httpx.Client,
    operator: httpx.Client,
    audit_log: AuditLog,
) -> None:
    school.get(LIST)
    assert other.get(LIST).status_code == 404
    assert operator.get(LIST).status_code == 403
    assert other.get(f"/v1/schools/{OTHER}/handOutEntries").json()["total"] == 1
    found = [one for one in audit_log.decisions() if "HandOut" in one[0]]
    assert found == [
        ("listSchoolHandOutEntries", SCHOOL, "allowed", "granted"),
        ("listSchoolHandOutEntries", SCHOOL, "refused", "reach"),
        ("listSchoolHandOutEntries", SCHOOL, "refused", "scope"),
        ("listSchoolHandOutEntries", OTHER, "allowed", "granted"),
    ]
