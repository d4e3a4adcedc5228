from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import pytest
from sqlalchemy import update
from sqlalchemy.orm import Session

from shared.access.requests import AccessRequest
from shared.access.rules import Reach
from shared.core.errors import ResourceNotFound
from shared.core.unit_of_work import UnitOfWork
from shared.results.models import Component
from shared.results.repository import ComponentResult, LevelReached
from shared.results.service import (
    list_administrations,
    list_results,
    list_student_results,
    read_delivery,
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
def seeded(session: Session) -> Seeded:
    return seed_schools(session)


def shown(unit: UnitOfWork, cohort: Cohort) -> list[tuple[str, str, str | None]]:
    total, results = list_results(unit, request_within(SCHOOL, OTHER), cohort, 0, 50)
    assert total == len(results)
    return [(r.component, r.status, r.level.code if r.level else None) for r in results]


OPEN = [
    ("LO4-LEZ", "reported", "C"),
    ("LO4-WIS", "absent", None),
    ("LO4-LEZ", "reported", "A"),
    ("LO4-WIS", "exempt", None),
]


@pytest.mark.usefixtures("seeded")
def test_results_are_there_exactly_while_they_are_released(unit: UnitOfWork) -> None:
    assert shown(unit, Cohort(SCHOOL)) == []
    release(unit, timedelta(hours=1))
    assert shown(unit, Cohort(SCHOOL)) == []
    release(unit, timedelta(hours=-1))
    assert shown(unit, Cohort(SCHOOL)) == OPEN
    release(unit, component="LO4-LEZ", opens_in=timedelta(hours=1))
    assert {component for component, _, _ in shown(unit, Cohort(SCHOOL))} == {"LO4-WIS"}


def test_a_calibration_stays_out_even_with_a_window_of_its_own(
    unit: UnitOfWork, seeded: Seeded
) -> None:
    release(unit)
    release(unit, component="SO2A-KAL")
    assert shown(unit, Cohort(OTHER)) == [("SO2A-LEZ", "reported", "B")]
    _, results = list_student_results(unit, request_within(OTHER), seeded.students["other"], 0, 50)
    assert [result.component for result in results] == ["SO2A-LEZ"]


def test_a_component_that_was_removed_takes_its_results_with_it(
    unit: UnitOfWork, seeded: Seeded
) -> None:
    release(unit)
    reading = update(Component).where(Component.id == seeded.components["LO4-LEZ"])
    unit.session.execute(reading.values(removed_at=LONG_AGO))
    assert {component for component, _, _ in shown(unit, Cohort(SCHOOL))} == {"LO4-WIS"}


def test_a_result_tells_its_level_and_what_that_means(unit: UnitOfWork, seeded: Seeded) -> None:
    release(unit)
    _, results = list_student_results(unit, request_within(SCHOOL), seeded.students["first"], 0, 1)
    assert results == [
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


def test_nothing_read_has_room_for_a_score() -> None:
    names = (*ComponentResult._fields, *LevelReached._fields)
    assert not any("score" in name for name in names)


@pytest.mark.parametrize("status", ["notCompleted", "notAssigned", "withheld"])
def test_every_status_is_shown_as_it_is(unit: UnitOfWork, seeded: Seeded, status: str) -> None:
    add_result(unit.session, seeded, "third", "LO4-LEZ", status, None)
    release(unit)
    found = shown(unit, Cohort(SCHOOL, class_group="4B"))
    assert found == [("LO4-LEZ", status, None), ("LO4-WIS", "exempt", None)]


def test_a_list_comes_in_pages_without_gaps(unit: UnitOfWork, seeded: Seeded) -> None:
    assert seeded.students
    release(unit)
    pages = [list_results(unit, request_within(SCHOOL), Cohort(SCHOOL), n, 1) for n in range(5)]
    assert [total for total, _ in pages] == [4] * 5
    assert [(r.component, r.status) for _, page in pages for r in page] == [
        (component, status) for component, status, _ in OPEN
    ]


def test_out_of_reach_is_not_there(unit: UnitOfWork, seeded: Seeded) -> None:
    release(unit)
    for student_id in (seeded.students["other"], seeded.students["removed"], uuid4()):
        with pytest.raises(ResourceNotFound):
            list_student_results(unit, request_within(SCHOOL), student_id, 0, 50)
    with pytest.raises(ResourceNotFound):
        list_results(unit, request_within(SCHOOL), Cohort(OTHER), 0, 50)


@pytest.mark.usefixtures("seeded")
def test_administrations_are_those_of_schools_within_reach(session: Session) -> None:
    assert list_administrations(session, request_within(SCHOOL), 0, 50)[0] == 1
    assert list_administrations(session, request_within(), 0, 50)[0] == 1
    assert list_administrations(session, request_within("999999"), 0, 50) == (0, [])


def test_a_delivery_that_is_not_there_is_not_found(session: Session) -> None:
    with pytest.raises(ResourceNotFound):
        read_delivery(session, uuid4())
