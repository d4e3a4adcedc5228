"""The order of lists, and the links from one page to the next."""

from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import insert, update

from shared.access.rules import Caller, CallerKind, Scope
from shared.core.collation import class_list_key
from shared.core.database import Sessions
from shared.core.unit_of_work import UnitOfWork
from shared.oauth.clients.models import Client, Person
from shared.students.models import ClassGroup, Student
from tests.api.conftest import Callers
from tests.api.seeding import ADMINISTRATION, OTHER, SCHOOL, Seeded
from tests.api.test_unknown_clients import statements_of

STUDENTS = f"/v1/schools/{SCHOOL}/students"
PUPILS = [
    ("2A", "Àbel", "Zoë"),
    ("2A", "Çelik", "Ömer"),
    ("2A", "Claes", "Bo"),
    ("2A", "Öztürk", "An"),
    ("2A", "Zaman", "An"),
    ("10A", "Aerts", "An"),
]
"""Pupils in the order of class lists, of a class before and one after those of the seeded ones."""


@pytest.fixture(scope="module")
def pupils(sessions: Sessions, seeded: Seeded) -> None:
    of = {"administration_id": ADMINISTRATION, "school_id": SCHOOL}
    with UnitOfWork(sessions) as unit:
        target_group = {"target_group_id": seeded.target_groups["LO4"]}
        groups = {
            name: unit.session.scalar(
                insert(ClassGroup).values(**of, name=name, **target_group).returning(ClassGroup.id)
            )
            for name in ("10A", "2A")
        }
        for group, family_name, given_name in reversed(PUPILS):
            values = {"family_name": family_name, "given_name": given_name}
            code = family_name
            key = class_list_key(group, family_name, given_name, code)
            of_group = {"class_group_id": groups[group], "delivered_as": code, "sort_key": key}
            unit.session.execute(insert(Student).values(**of, **of_group, **values))


def names(page: dict[str, Any]) -> list[str]:
    return [student["familyName"] for student in page["items"]]


def follow(client: httpx.Client, path: str) -> list[dict[str, Any]]:
    pages = [client.get(path).json()]
    while "next" in pages[-1]:
        pages.append(client.get(pages[-1]["next"]).json())
    return pages


def issues(response: httpx.Response) -> list[tuple[str, str, str]]:
    assert response.status_code == 400, response.text
    return [(issue["in"], issue["name"], issue["detail"]) for issue in response.json()["issues"]]


@pytest.mark.usefixtures("pupils")
@pytest.mark.parametrize("size", [1, 2, 5, 200])
def test_students_are_in_the_order_of_class_lists_over_all_pages(
    school: httpx.Client, size: int
) -> None:
    pages = follow(school, f"{STUDENTS}?pageSize={size}")
    seeded = ["Familie-first", "Familie-second", "Familie-third"]
    expected = [family_name for _, family_name, _ in PUPILS]
    expected[-1:-1] = seeded
    assert [name for page in pages for name in names(page)] == expected
    assert {page["total"] for page in pages} == {len(expected)}
    assert [page.get("page") for page in pages] == [1] + [None] * (len(pages) - 1)


@pytest.mark.parametrize(("model", "path"), [(Client, "/v1/clients"), (Person, "/v1/persons")])
def test_registered_names_are_in_dutch_order(
    operator: httpx.Client, sessions: Sessions, model: type[Any], path: str
) -> None:
    listed = ["Åsa 2", "asa 10", "Çelik", "Cools", "Öztürk", "Zaman"]
    with UnitOfWork(sessions) as unit:
        for name in reversed(listed):
            extra = {"kind": "integrator", "scopes": []} if model is Client else {}
            unit.session.execute(insert(model).values(name=name, **extra))
    pages = follow(operator, f"{path}?pageSize=2")
    assert [item["name"] for page in pages for item in page["items"] if item["name"] in listed] == (
        listed
    )


def test_a_renamed_client_gets_another_place(operator: httpx.Client, sessions: Sessions) -> None:
    with UnitOfWork(sessions) as unit:
        added = insert(Client).values(name="Aap", kind="integrator", scopes=[])
        client = unit.session.scalar(added.returning(Client.id))
    assert operator.patch(f"/v1/clients/{client}", json={"name": "Zebra"}).status_code == 200
    assert follow(operator, "/v1/clients")[-1]["items"][-1]["name"] == "Zebra"


@pytest.mark.usefixtures("pupils")
def test_a_list_continues_after_a_row_that_is_gone(
    school: httpx.Client, sessions: Sessions, seeded: Seeded
) -> None:
    last = seeded.students["first"]
    first_page = school.get(f"{STUDENTS}?pageSize=6").json()
    assert first_page["items"][-1]["id"] == str(last)
    for removed_at in ("now()", None):
        with UnitOfWork(sessions) as unit:
            change = update(Student).where(Student.id == last).values(removed_at=removed_at)
            unit.session.execute(change)
        rest = school.get(first_page["next"]).json()
        assert names(rest) == ["Familie-second", "Familie-third", "Aerts"]


@pytest.mark.usefixtures("pupils")
def test_no_url_has_a_name(school: httpx.Client) -> None:
    for page in follow(school, f"{STUDENTS}?pageSize=1"):
        (cursor,) = parse_qs(urlsplit(page.get("next", "?after=x")).query)["after"]
        assert all(name not in cursor for name in names(page))
        assert all(name.casefold() not in cursor.casefold() for name in names(page))


@pytest.mark.usefixtures("pupils")
def test_cursors_are_valid_for_their_list_filters_and_caller_only(
    school: httpx.Client, operator: httpx.Client, callers: Callers
) -> None:
    query = "pageSize=1&administrationId=2024"
    cursor = school.get(f"{STUDENTS}?{query}").json()["next"].partition("after=")[2]
    again = school.get(f"{STUDENTS}?administrationId=2024&pageSize=3&after={cursor}")
    assert again.status_code == 200
    another = Caller("another portal", CallerKind.SCHOOL, frozenset({Scope.STUDENTS_READ}), SCHOOL)
    for client, url in (
        (school, f"{STUDENTS}?after={cursor}"),
        (school, f"{STUDENTS}?{query}&classGroup=2A&after={cursor}"),
        (school, f"/v1/schools/{SCHOOL}/results?{query}&after={cursor}"),
        (operator, f"/v1/jobs?after={cursor}"),
        (callers.client(callers.issue(another)), f"{STUDENTS}?{query}&after={cursor}"),
    ):
        ((place, name, detail),) = issues(client.get(url))
        assert (place, name) == ("query", "after")
        assert "read the list from its first page" in detail


def test_a_cursor_opens_no_list_of_another_school(
    school: httpx.Client, other: httpx.Client
) -> None:
    link = school.get(f"{STUDENTS}?pageSize=1").json()["next"]
    assert other.get(link).status_code in {400, 404}
    assert other.get(link.replace(SCHOOL, OTHER)).status_code == 400


@pytest.mark.parametrize("garbage", ["x", "%00", "%C3%A9", "A" * 4_000, "-_" * 40])
def test_a_text_that_is_no_cursor_is_refused(school: httpx.Client, garbage: str) -> None:
    assert [issue[:2] for issue in issues(school.get(f"{STUDENTS}?after={garbage}"))] == [
        ("query", "after")
    ]


@pytest.mark.parametrize("query", ["after=", f"after={'A' * 4_001}", "after=x&after=y"])
def test_a_cursor_of_no_possible_length_is_refused(school: httpx.Client, query: str) -> None:
    assert {issue[:2] for issue in issues(school.get(f"{STUDENTS}?{query}"))} == {
        ("query", "after")
    }


def test_a_page_is_named_by_number_or_by_cursor(school: httpx.Client) -> None:
    link = school.get(f"{STUDENTS}?pageSize=1&page=2").json()["next"]
    assert issues(school.get(f"{link}&page=1")) == [
        ("query", "page", "Give `page` or `after`, not both.")
    ]


def test_a_page_by_number_is_followed_by_the_next_one(school: httpx.Client) -> None:
    everyone = names(school.get(STUDENTS).json())
    page = school.get(f"{STUDENTS}?pageSize=1&page=2").json()
    assert (page["page"], names(page)) == (2, everyone[1:2])
    assert names(school.get(page["next"]).json()) == everyone[2:3]


def test_audit_events_are_not_counted(school: httpx.Client) -> None:
    for _ in range(3):
        school.get(STUDENTS)
    pages = follow(school, "/v1/auditEvents?pageSize=2")
    positions = [event["position"] for page in pages for event in page["items"]]
    assert positions == list(range(len(positions), 0, -1))
    assert not any("total" in page for page in pages)


def test_list_of_one_page_is_not_counted_separately(app: FastAPI, school: httpx.Client) -> None:
    counts = {}
    for size in (1, 200):
        with statements_of(app.state.resources.engine) as statements:
            page = school.get(STUDENTS, params={"pageSize": size}).json()
        counted = [one for one in statements if one.lower().startswith("select count(")]
        counts[size] = (page["total"], len(counted))
    assert counts == {1: (counts[200][0], 1), 200: (counts[1][0], 0)}
