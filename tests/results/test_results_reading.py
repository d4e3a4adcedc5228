from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import pytest
from sqlalchemy import update
from sqlalchemy.orm import Session

from shared.access.decisions import act_for
from shared.access.requests import AccessRequest
from shared.access.rules import Reach
from shared.core.errors import ResourceNotFound
from shared.core.paging import Page, PageSelection
from shared.core.unit_of_work import UnitOfWork
from shared.results.models import Component
from shared.results.repository import ComponentResult, LevelReached
from shared.results.service import (
    list_administrations,
    list_results,
    list_student_results,
)
from shared.students.repository import Cohort
from tests.api.seeding import (
    ADMINISTRATION,
    LONG_AGO,
    OTHER,
    SCHOOL,
    Seeded,
    add_result,
    release,
    seed_schools,
)
from tests.callers import school_request


def request_within(*schools: str) -> AccessRequest:
    reach = Reach(frozenset(schools) if schools else None)
    return replace(school_request(SCHOOL), reach=reach)


@pytest.fixture
def seeded(unit: UnitOfWork) -> Seeded:
    act_for(unit, school_request(SCHOOL).caller)
    return seed_schools(unit.session)


def listed(unit: UnitOfWork, cohort: Cohort) -> list[tuple[str, str, str | None]]:
    page = list_results(unit, request_within(SCHOOL, OTHER), cohort, PageSelection(50))
    assert page.total == len(page.rows)
    return [(r.component, r.status, r.level.code if r.level else None) for r in page.rows]


RELEASED = [
    ("LO4-LEZ", "reported", "C"),
    ("LO4-WIS", "absent", None),
    ("LO4-LEZ", "reported", "A"),
    ("LO4-WIS", "exempt", None),
]


@pytest.mark.usefixtures("seeded")
def test_results_are_listed_only_while_they_are_released(unit: UnitOfWork) -> None:
    assert listed(unit, Cohort(SCHOOL)) == []
    release(unit, timedelta(hours=1))
    assert listed(unit, Cohort(SCHOOL)) == []
    release(unit, timedelta(hours=-1))
    assert listed(unit, Cohort(SCHOOL)) == RELEASED
    release(unit, component="LO4-LEZ", opens_in=timedelta(hours=1))
    assert {component for component, _, _ in listed(unit, Cohort(SCHOOL))} == {"LO4-WIS"}


def test_calibration_is_never_listed_even_with_a_release_window(
    unit: UnitOfWork, seeded: Seeded
) -> None:
    release(unit)
    release(unit, component="SO2A-KAL")
    assert listed(unit, Cohort(OTHER)) == [("SO2A-LEZ", "reported", "B")]
    act_for(unit, school_request(OTHER).caller)
    unit.commit()
    page = list_student_results(
        unit, request_within(OTHER), seeded.students["other"], PageSelection(50)
    )
    assert [result.component for result in page.rows] == ["SO2A-LEZ"]


def test_results_of_a_removed_component_are_not_listed(unit: UnitOfWork, seeded: Seeded) -> None:
    release(unit)
    reading = update(Component).where(Component.id == seeded.components["LO4-LEZ"])
    unit.session.execute(reading.values(removed_at=LONG_AGO))
    assert {component for component, _, _ in listed(unit, Cohort(SCHOOL))} == {"LO4-WIS"}


def test_result_has_its_level_and_the_description_of_the_level(
    unit: UnitOfWork, seeded: Seeded
) -> None:
    release(unit)
    page = list_student_results(
        unit, request_within(SCHOOL), seeded.students["first"], PageSelection(1)
    )
    assert page.rows == [
        ComponentResult(
            student_id=seeded.students["first"],
            administration_id=ADMINISTRATION,
            class_group="4A",
            component="LO4-LEZ",
            component_name="Onderdeel LO4-LEZ",
            subject="nederlands",
            status="reported",
            level=LevelReached("C", "Niveau C", 3, "Leest een gewone tekst."),
        )
    ]


def test_result_types_have_no_field_for_a_score() -> None:
    names = (*ComponentResult._fields, *LevelReached._fields)
    assert not any("score" in name for name in names)


@pytest.mark.parametrize("status", ["notCompleted", "notAssigned", "withheld"])
def test_other_statuses_are_listed_without_a_level(
    unit: UnitOfWork, seeded: Seeded, status: str
) -> None:
    add_result(unit.session, seeded, "third", "LO4-LEZ", status, None)
    release(unit)
    found = listed(unit, Cohort(SCHOOL, class_group="4B"))
    assert found == [("LO4-LEZ", status, None), ("LO4-WIS", "exempt", None)]


def test_pages_of_one_result_cover_the_whole_list(unit: UnitOfWork, seeded: Seeded) -> None:
    assert seeded.students
    release(unit)
    pages = [
        list_results(unit, request_within(SCHOOL), Cohort(SCHOOL), PageSelection(1, n))
        for n in range(5)
    ]
    assert [page.total for page in pages] == [4] * 5
    assert [(r.component, r.status) for page in pages for r in page.rows] == [
        (component, status) for component, status, _ in RELEASED
    ]


def test_results_out_of_reach_are_not_found(unit: UnitOfWork, seeded: Seeded) -> None:
    release(unit)
    for student_id in (seeded.students["other"], seeded.students["removed"], uuid4()):
        with pytest.raises(ResourceNotFound):
            list_student_results(unit, request_within(SCHOOL), student_id, PageSelection(50))
    with pytest.raises(ResourceNotFound):
        list_results(unit, request_within(SCHOOL), Cohort(OTHER), PageSelection(50))


@pytest.mark.usefixtures("seeded")
def test_administrations_are_limited_to_schools_within_reach(session: Session) -> None:
    assert list_administrations(session, request_within(SCHOOL), PageSelection(50)).total == 1
    assert list_administrations(session, request_within(), PageSelection(50)).total == 1
    assert list_administrations(session, request_within("999999"), PageSelection(50)) == Page([], 0)
