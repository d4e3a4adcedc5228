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
