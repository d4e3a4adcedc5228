from datetime import timedelta
from uuid import uuid4

import pytest
from sqlalchemy import update
from sqlalchemy.orm import Session

from shared.audit.service import Actor
from shared.core.errors import ResourceNotFound
from shared.results.models import Component
from shared.results.repository import ComponentResult, LevelReached
from shared.results.service import (
    list_administrations,
    list_results,
    list_student_results,
)
from shared.schools.service import Inquiry
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


def inquiry(*schools: str) -> Inquiry:
    actor = Actor("client", "school", SCHOOL, None)
    return Inquiry(actor, "read", "/v1/x", frozenset(schools) if schools else None)


@pytest.fixture
def seeded(session: Session) -> Seeded:
    return seed_schools(session)


def listed(session: Session, cohort: Cohort) -> list[tuple[str, str, str | None]]:
    total, results = list_results(session, inquiry(SCHOOL, OTHER), cohort, 0, 50)
    assert total == len(results)
    return [(r.component, r.status, r.level.code if r.level else None) for r in results]


RELEASED = [
    ("LO4-LEZ", "reported", "C"),
    ("LO4-WIS", "absent", None),
    ("LO4-LEZ", "reported", "A"),
    ("LO4-WIS", "exempt", None),
]


@pytest.mark.usefixtures("seeded")
def test_results_are_listed_only_while_they_are_released(session: Session) -> None:
    assert listed(session, Cohort(SCHOOL)) == []
    release(session, timedelta(hours=1))
    assert listed(session, Cohort(SCHOOL)) == []
    release(session, timedelta(hours=-1))
    assert listed(session, Cohort(SCHOOL)) == RELEASED
    release(session, component="LO4-LEZ", opens_in=timedelta(hours=1))
    assert {component for component, _, _ in listed(session, Cohort(SCHOOL))} == {"LO4-WIS"}


def test_calibration_is_never_listed_even_with_a_release_window(
    session: Session, seeded: Seeded
) -> None:
    release(session)
    release(session, component="SO2A-KAL")
    assert listed(session, Cohort(OTHER)) == [("SO2A-LEZ", "reported", "B")]
    _, results = list_student_results(session, inquiry(OTHER), seeded.students["other"], 0, 50)
    assert [result.component for result in results] == ["SO2A-LEZ"]


def test_results_of_a_removed_component_are_not_listed(session: Session, seeded: Seeded) -> None:
    release(session)
    reading = update(Component).where(Component.id == seeded.components["LO4-LEZ"])
    session.execute(reading.values(removed_at=LONG_AGO))
    assert {component for component, _, _ in listed(session, Cohort(SCHOOL))} == {"LO4-WIS"}


def test_result_has_its_level_and_the_description_of_the_level(
    session: Session, seeded: Seeded
) -> None:
    release(session)
    _, results = list_student_results(session, inquiry(SCHOOL), seeded.students["first"], 0, 1)
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


def test_result_types_have_no_field_for_a_score() -> None:
    names = (*ComponentResult._fields, *LevelReached._fields)
    assert not any("score" in name for name in names)


@pytest.mark.parametrize("status", ["notCompleted", "notAssigned", "withheld"])
def test_other_statuses_are_listed_without_a_level(
    session: Session, seeded: Seeded, status: str
) -> None:
    add_result(session, seeded, "third", "LO4-LEZ", status, None)
    release(session)
    found = listed(session, Cohort(SCHOOL, class_group="4B"))
    assert found == [("LO4-LEZ", status, None), ("LO4-WIS", "exempt", None)]


def test_pages_of_one_result_cover_the_whole_list(session: Session, seeded: Seeded) -> None:
    assert seeded.students
    release(session)
    pages = [list_results(session, inquiry(SCHOOL), Cohort(SCHOOL), n, 1) for n in range(5)]
    assert [total for total, _ in pages] == [4] * 5
    assert [(r.component, r.status) for _, page in pages for r in page] == [
        (component, status) for component, status, _ in RELEASED
    ]


def test_results_out_of_reach_are_not_found(session: Session, seeded: Seeded) -> None:
    release(session)
    for student_id in (seeded.students["other"], seeded.students["removed"], uuid4()):
        with pytest.raises(ResourceNotFound):
            list_student_results(session, inquiry(SCHOOL), student_id, 0, 50)
    with pytest.raises(ResourceNotFound):
        list_results(session, inquiry(SCHOOL), Cohort(OTHER), 0, 50)


@pytest.mark.usefixtures("seeded")
def test_administrations_are_limited_to_schools_within_reach(session: Session) -> None:
    assert list_administrations(session, inquiry(SCHOOL), 0, 50)[0] == 1
    assert list_administrations(session, inquiry(), 0, 50)[0] == 1
    assert list_administrations(session, inquiry("999999"), 0, 50) == (0, [])
