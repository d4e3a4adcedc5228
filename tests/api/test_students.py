import httpx
import pytest

from tests.api.conftest import AuditLog
from tests.api.seeding import ADMINISTRATION, OTHER, SCHOOL, Seeded


def test_a_school_lists_its_students_by_class_group_and_name(
    school: httpx.Client, seeded: Seeded
) -> None:
    response = school.get(f"/v1/schools/{SCHOOL}/students")
    assert response.status_code == 200
    body = response.json()
    assert [student["id"] for student in body["items"]] == [
        str(seeded.students[label]) for label in ("first", "second", "third")
    ]
    assert body["total"] == 3
    assert "next" not in body


def test_a_student_has_a_name_and_no_national_number(school: httpx.Client, seeded: Seeded) -> None:
    student = school.get(f"/v1/students/{seeded.students['first']}").json()
    assert student == {
        "href": str(school.base_url.join(f"/v1/students/{seeded.students['first']}")),
        "id": str(seeded.students["first"]),
        "schoolId": SCHOOL,
        "administrationId": ADMINISTRATION,
        "classGroup": "4A",
        "familyName": "Familie-first",
        "givenName": "Voornaam-first",
    }


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"classGroup": "4B"}, ["third"]),
        ({"administrationId": ADMINISTRATION, "classGroup": "4A"}, ["first", "second"]),
        ({"administrationId": "2025"}, []),
    ],
)
def test_a_list_of_students_can_be_filtered(
    school: httpx.Client, seeded: Seeded, query: dict[str, str], expected: list[str]
) -> None:
    items = school.get(f"/v1/schools/{SCHOOL}/students", params=query).json()["items"]
    assert [item["id"] for item in items] == [str(seeded.students[label]) for label in expected]


def test_the_pages_of_a_list_have_every_student_once(school: httpx.Client) -> None:
    link: str | None = f"/v1/schools/{SCHOOL}/students?administrationId=2024&pageSize=2"
    pages = []
    while link:
        body = school.get(link).json()
        assert body["self"] == str(school.base_url.join(link))
        pages.append([item["givenName"] for item in body["items"]])
        assert body.get("page") == (1 if len(pages) == 1 else None)
        assert (body["pageSize"], body["total"]) == (2, 3)
        link = body.get("next")
    assert pages == [["Voornaam-first", "Voornaam-second"], ["Voornaam-third"]]


def test_a_removed_student_is_not_found(school: httpx.Client, seeded: Seeded) -> None:
    assert school.get(f"/v1/students/{seeded.students['removed']}").status_code == 404


def test_reading_students_is_recorded_in_the_audit_log(
    school: httpx.Client, other: httpx.Client, seeded: Seeded, audit_log: AuditLog
) -> None:
    student = seeded.students["first"]
    school.get(f"/v1/schools/{SCHOOL}/students")
    school.get(f"/v1/students/{student}")
    other.get(f"/v1/students/{student}")
    other.get(f"/v1/schools/{SCHOOL}/students")
    assert audit_log.decisions() == [
        ("listSchoolStudents", SCHOOL, "allowed", "granted"),
        ("getStudent", SCHOOL, "allowed", "granted"),
        ("getStudent", SCHOOL, "refused", "reach"),
        ("listSchoolStudents", SCHOOL, "refused", "reach"),
    ]
    assert audit_log.entries()[1]["resource"] == f"/v1/students/{student}"
    assert OTHER not in {entry["organisation"] for entry in audit_log.entries()}


def test_class_groups_are_listed_with_the_number_of_their_students(school: httpx.Client) -> None:
    items = school.get(f"/v1/schools/{SCHOOL}/classGroups").json()["items"]
    named = [(item["administrationId"], item["classGroup"], item["students"]) for item in items]
    assert named == [(ADMINISTRATION, "4A", 2), (ADMINISTRATION, "4B", 1)]
    other = school.get(f"/v1/schools/{SCHOOL}/classGroups?administrationId=2025").json()
    assert other["items"] == []


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("fam", ["first", "second", "third"]),
        ("VOORN\N{LATIN SMALL LETTER A WITH DIAERESIS}am-sec", ["second"]),
        ("Voornaam-th\N{LATIN SMALL LETTER I WITH DIAERESIS}rd familie", ["third"]),
        ("aam", []),
    ],
)
def test_students_are_found_by_beginnings_of_names(
    school: httpx.Client, seeded: Seeded, name: str, expected: list[str]
) -> None:
    body = {"administrationId": ADMINISTRATION, "name": name}
    found = school.post(f"/v1/schools/{SCHOOL}/students/search", json=body)
    assert found.status_code == 200, found.text
    wanted = [str(seeded.students[label]) for label in expected]
    assert [item["id"] for item in found.json()["items"]] == wanted


@pytest.mark.parametrize("name", ["", "-", "\u202e", "x" * 101])
def test_search_without_letters_is_refused(school: httpx.Client, name: str) -> None:
    body = {"administrationId": ADMINISTRATION, "name": name}
    response = school.post(f"/v1/schools/{SCHOOL}/students/search", json=body)
    assert response.status_code == 400
    assert response.json()["issues"][0]["name"] == "/name"
