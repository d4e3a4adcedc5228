import httpx
import pytest

from tests.api.conftest import Trail
from tests.api.seeding import ADMINISTRATION, OTHER, SCHOOL, Seeded


def test_a_school_lists_its_students_by_class_group_and_name(
    school: httpx.Client, seeded: Seeded
) -> None:
    answer = school.get(f"/v1/schools/{SCHOOL}/students")
    assert answer.status_code == 200
    body = answer.json()
    assert [student["id"] for student in body["items"]] == [
        str(seeded.students[word]) for word in ("first", "second", "third")
    ]
    assert body["total"] == 3
    assert "next" not in body


def test_a_student_has_a_name_and_no_number_that_identifies(
    school: httpx.Client, seeded: Seeded
) -> None:
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
def test_a_list_of_students_can_be_narrowed(
    school: httpx.Client, seeded: Seeded, query: dict[str, str], expected: list[str]
) -> None:
    items = school.get(f"/v1/schools/{SCHOOL}/students", params=query).json()["items"]
    assert [item["id"] for item in items] == [str(seeded.students[word]) for word in expected]


def test_the_pages_of_a_list_hold_every_student_once(school: httpx.Client) -> None:
    link: str | None = f"/v1/schools/{SCHOOL}/students?administrationId=2024&pageSize=2"
    pages = []
    while link:
        body = school.get(link).json()
        assert body["self"] == str(school.base_url.join(link))
        pages.append([item["givenName"] for item in body["items"]])
        assert (body["page"], body["pageSize"], body["total"]) == (len(pages), 2, 3)
        link = body.get("next")
    assert pages == [["Voornaam-first", "Voornaam-second"], ["Voornaam-third"]]


def test_who_was_removed_is_not_there(school: httpx.Client, seeded: Seeded) -> None:
    assert school.get(f"/v1/students/{seeded.students['removed']}").status_code == 404


def test_reading_students_leaves_a_trail(
    school: httpx.Client, other: httpx.Client, seeded: Seeded, trail: Trail
) -> None:
    student = seeded.students["first"]
    school.get(f"/v1/schools/{SCHOOL}/students")
    school.get(f"/v1/students/{student}")
    other.get(f"/v1/students/{student}")
    other.get(f"/v1/schools/{SCHOOL}/students")
    assert trail.verdicts() == [
        ("listSchoolStudents", SCHOOL, "allowed", "granted"),
        ("getStudent", SCHOOL, "allowed", "granted"),
        ("getStudent", SCHOOL, "refused", "reach"),
        ("listSchoolStudents", SCHOOL, "refused", "reach"),
    ]
    assert trail.entries()[1]["resource"] == f"/v1/students/{student}"
    assert OTHER not in {entry["organisation"] for entry in trail.entries()}
