from datetime import timedelta
from typing import Any

import httpx
import psycopg
import pytest

from shared.core.database import Sessions
from shared.core.unit_of_work import UnitOfWork
from tests.api.conftest import Trail
from tests.api.seeding import ADMINISTRATION, OTHER, SCHOOL, Seeded, release, released

RESULTS = f"/v1/schools/{SCHOOL}/results"


def shown(client: httpx.Client, path: str) -> list[tuple[str, str, str, str | None]]:
    answer = client.get(path)
    assert answer.status_code == 200, answer.text
    return [
        (
            item["classGroup"],
            item["component"],
            item["status"],
            item.get("level", {}).get("code"),
        )
        for item in answer.json()["items"]
    ]


@pytest.mark.usefixtures("open_now")
def test_a_school_reads_its_current_results_student_by_student(school: httpx.Client) -> None:
    assert shown(school, RESULTS) == [
        ("4A", "LO4-LEZ", "reported", "C"),
        ("4A", "LO4-WIS", "absent", None),
        ("4A", "LO4-LEZ", "reported", "A"),
        ("4B", "LO4-WIS", "exempt", None),
    ]


@pytest.mark.usefixtures("open_now")
def test_a_result_is_a_level_with_what_it_means_and_never_a_score(
    school: httpx.Client, seeded: Seeded
) -> None:
    student = seeded.students["first"]
    answer = school.get(f"/v1/students/{student}/results")
    assert answer.json()["items"][0] == {
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
    assert "251.25" not in answer.text
    assert "core" not in answer.text


@pytest.mark.usefixtures("open_now")
def test_a_calibration_is_no_result(other: httpx.Client, seeded: Seeded) -> None:
    found = shown(other, f"/v1/students/{seeded.students['other']}/results")
    assert found == [("2A", "SO2A-LEZ", "reported", "B")]


@pytest.mark.usefixtures("open_now")
def test_results_can_be_narrowed_to_a_class_group(school: httpx.Client) -> None:
    assert shown(school, f"{RESULTS}?classGroup=4B") == [("4B", "LO4-WIS", "exempt", None)]
    assert shown(school, f"{RESULTS}?administrationId=2025") == []


@pytest.mark.parametrize("opens_in", [None, timedelta(hours=1)])
def test_before_the_moment_an_own_list_is_empty_and_says_no_count(
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
def test_the_most_specific_window_decides_alone(school: httpx.Client, sessions: Sessions) -> None:
    with UnitOfWork(sessions) as unit:
        release(unit)
        release(unit, timedelta(hours=1), component="LO4-WIS")
    assert {component for _, component, _, _ in shown(school, RESULTS)} == {"LO4-LEZ"}


@pytest.mark.usefixtures("open_now")
def test_another_school_finds_neither_students_nor_results(
    other: httpx.Client, integrator: httpx.Client, seeded: Seeded
) -> None:
    for client in (other, integrator):
        assert client.get(RESULTS).status_code == 404
        path = f"/v1/students/{seeded.students['first']}/results"
        assert client.get(path).status_code == 404


@pytest.mark.usefixtures("open_now")
def test_reading_results_leaves_a_trail(
    school: httpx.Client, other: httpx.Client, operator: httpx.Client, seeded: Seeded, trail: Trail
) -> None:
    student = f"/v1/students/{seeded.students['first']}/results"
    school.get(RESULTS)
    school.get(student)
    other.get(student)
    operator.get(RESULTS)
    operator.get(student)
    assert trail.verdicts() == [
        ("listSchoolResults", SCHOOL, "allowed", "granted"),
        ("listStudentResults", SCHOOL, "allowed", "granted"),
        ("listStudentResults", SCHOOL, "refused", "reach"),
        ("listSchoolResults", SCHOOL, "refused", "scope"),
        ("listStudentResults", SCHOOL, "refused", "scope"),
    ]


@pytest.mark.usefixtures("open_now")
def test_a_list_costs_the_same_queries_whatever_its_length(
    school: httpx.Client, other: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    statements: list[object] = []

    def count(name: str) -> None:
        send = getattr(psycopg.Cursor, name)

        def counted(sender: Any, statement: Any, *arguments: Any, **options: Any) -> Any:
            statements.append(statement)
            return send(sender, statement, *arguments, **options)

        monkeypatch.setattr(psycopg.Cursor, name, counted)

    count("execute")
    count("executemany")
    school.get(RESULTS)
    four = len(statements)
    other.get(f"/v1/schools/{OTHER}/results")
    one = len(statements) - four
    assert four == one == 3
