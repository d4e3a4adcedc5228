from datetime import timedelta

import httpx
import pytest

from shared.core.database import Sessions
from shared.core.unit_of_work import UnitOfWork
from tests.api.conftest import AuditLog
from tests.api.seeding import ADMINISTRATION, OTHER, SCHOOL, Seeded, release, released
from tests.api.statements import record_statements

RESULTS = f"/v1/schools/{SCHOOL}/results"


def rows_of(client: httpx.Client, path: str) -> list[tuple[str, str, str, str | None]]:
    response = client.get(path)
    assert response.status_code == 200, response.text
    return [
        (
            item["classGroup"],
            item["component"],
            item["status"],
            item.get("level", {}).get("code"),
        )
        for item in response.json()["items"]
    ]


@pytest.mark.usefixtures("open_now")
def test_a_school_reads_its_current_results_by_student(school: httpx.Client) -> None:
    assert rows_of(school, RESULTS) == [
        ("4A", "LO4-LEZ", "reported", "C"),
        ("4A", "LO4-WIS", "absent", None),
        ("4A", "LO4-LEZ", "reported", "A"),
        ("4B", "LO4-WIS", "exempt", None),
    ]


@pytest.mark.usefixtures("open_now")
def test_a_result_has_a_level_with_its_description_and_no_score(
    school: httpx.Client, seeded: Seeded
) -> None:
    student = seeded.students["first"]
    response = school.get(f"/v1/students/{student}/results")
    assert response.json()["items"][0] == {
        "student": {
            "id": str(student),
            "href": str(school.base_url.join(f"/v1/students/{student}")),
        },
        "administrationId": ADMINISTRATION,
        "classGroup": "4A",
        "component": "LO4-LEZ",
        "componentName": "Onderdeel LO4-LEZ",
        "subject": "nederlands",
        "status": "reported",
        "level": {
            "code": "C",
            "label": "Niveau C",
            "ordinal": 3,
            "description": "Leest een gewone tekst.",
        },
    }
    assert "251.25" not in response.text
    assert "core" not in response.text


@pytest.mark.usefixtures("open_now")
def test_results_do_not_include_a_calibration(other: httpx.Client, seeded: Seeded) -> None:
    found = rows_of(other, f"/v1/students/{seeded.students['other']}/results")
    assert found == [("2A", "SO2A-LEZ", "reported", "B")]


@pytest.mark.usefixtures("open_now")
def test_results_can_be_filtered_by_class_group_and_administration(school: httpx.Client) -> None:
    assert rows_of(school, f"{RESULTS}?classGroup=4B") == [("4B", "LO4-WIS", "exempt", None)]
    assert rows_of(school, f"{RESULTS}?administrationId=2025") == []


@pytest.mark.parametrize("opens_in", [None, timedelta(hours=1)])
def test_before_release_the_list_is_empty_and_its_total_is_zero(
    school: httpx.Client, sessions: Sessions, seeded: Seeded, opens_in: timedelta | None
) -> None:
    paths = (RESULTS, f"/v1/students/{seeded.students['first']}/results")
    if opens_in is None:
        totals = [school.get(path).json()["total"] for path in paths]
    else:
        with released(sessions, opens_in):
            totals = [school.get(path).json()["total"] for path in paths]
    assert totals == [0, 0]


@pytest.mark.usefixtures("no_windows")
def test_only_the_most_specific_window_applies(school: httpx.Client, sessions: Sessions) -> None:
    with UnitOfWork(sessions) as unit:
        release(unit)
        release(unit, timedelta(hours=1), component="LO4-WIS")
    assert {component for _, component, _, _ in rows_of(school, RESULTS)} == {"LO4-LEZ"}


@pytest.mark.usefixtures("open_now")
def test_results_are_not_found_for_another_school_or_an_integrator(
    other: httpx.Client, integrator: httpx.Client, seeded: Seeded
) -> None:
    for client in (other, integrator):
        assert client.get(RESULTS).status_code == 404
        path = f"/v1/students/{seeded.students['first']}/results"
        assert client.get(path).status_code == 404


@pytest.mark.usefixtures("open_now")
def test_reading_results_is_recorded_in_the_audit_log(
    school: httpx.Client,
    other: httpx.Client,
    operator: httpx.Client,
    seeded: Seeded,
    audit_log: AuditLog,
) -> None:
    student = f"/v1/students/{seeded.students['first']}/results"
    school.get(RESULTS)
    school.get(student)
    other.get(student)
    operator.get(RESULTS)
    operator.get(student)
    assert audit_log.decisions() == [
        ("listSchoolResults", SCHOOL, "allowed", "granted"),
        ("listStudentResults", SCHOOL, "allowed", "granted"),
        ("listStudentResults", SCHOOL, "refused", "reach"),
        ("listSchoolResults", SCHOOL, "refused", "scope"),
        ("listStudentResults", SCHOOL, "refused", "scope"),
    ]


@pytest.mark.usefixtures("open_now")
def test_lists_of_any_length_take_the_same_number_of_queries(
    school: httpx.Client, other: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    for client in (school, other):
        client.get("/v1/schools")  # learns the nonce, so that no request is sent twice
    statements = record_statements(monkeypatch)
    school.get(RESULTS)
    of_four_results = len(statements)
    other.get(f"/v1/schools/{OTHER}/results")
    of_one_result = len(statements) - of_four_results
    assert of_four_results == of_one_result == 3
