"""The statuses that give a student a fiche, and what the fiche and the overview then have."""

from datetime import date, datetime

import pytest
from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from shared.core.clock import from_brussels
from shared.documents.assembly import SchoolContent
from shared.documents.building import school_content
from shared.documents.catalogues import CatalogueCache
from shared.documents.content import STATUSES, FicheContent, fiche_outcomes
from shared.documents.viewing_periods import ViewingPeriod
from shared.releases.models import ReleaseWindow
from shared.results.models import Result, ScaleScore
from shared.students.models import Student
from tests.worker.jobs.building import PRIMARY, TOOK_PART, students_who_took_part


def _content(session: Session) -> SchoolContent:
    content, _ = school_content(session, CatalogueCache(), "2024", PRIMARY)
    return content


def _fiches(session: Session) -> dict[object, FicheContent]:
    groups = _content(session).class_groups
    return {one.student_id: one.content for group in groups for one in group.fiches}


def _student(session: Session) -> Student:
    first = min(students_who_took_part(PRIMARY))
    return session.scalars(select(Student).where(Student.delivered_as == first)).one()


@pytest.mark.parametrize("status", sorted({*STATUSES} - {"withdrawn"}))  # of no stored result
def test_a_student_with_only_one_status_gets_a_fiche_or_none(
    delivered: Session, status: str
) -> None:
    student = _student(delivered)
    if status != "reported":
        changed = update(Result).where(
            Result.student_id == student.id, Result.superseded_at.is_(None)
        )
        delivered.execute(changed.values(status=status, level_id=None))
    fiche = _fiches(delivered).get(student.id)
    assert (fiche is not None) == (status in TOOK_PART)
    if fiche:
        assert {one.status for one in fiche_outcomes(fiche)} == {status}
    overview = _content(delivered).overview
    assert overview is not None
    numbers = {
        row.document_number
        for group in overview.content.target_groups
        for row in group.rows
        if row.stamnummer == student.stamnummer
    }
    assert (numbers == {fiche.document_number}) if fiche else (numbers == {None})


def test_a_fiche_has_the_days_of_test_viewing(delivered: Session) -> None:
    assert {fiche.viewing_periods for fiche in _fiches(delivered).values()} == {()}
    for opens, closes in (("2024-08-19", "2024-09-14"), ("2024-06-25", "2024-07-13")):
        delivered.add(
            ReleaseWindow(
                administration_id="2024",
                product="testViewing",
                opens_at=from_brussels(datetime.fromisoformat(opens)),
                closes_at=from_brussels(datetime.fromisoformat(closes)),
                never=False,
            )
        )
    delivered.flush()
    expected = (
        ViewingPeriod(date(2024, 6, 25), date(2024, 7, 12)),
        ViewingPeriod(date(2024, 8, 19), date(2024, 9, 13)),
    )
    assert {fiche.viewing_periods for fiche in _fiches(delivered).values()} == {expected}


def test_without_test_viewing_a_fiche_has_no_days(delivered: Session) -> None:
    delivered.add(ReleaseWindow(administration_id="2024", product="testViewing", never=True))
    delivered.flush()
    assert {fiche.viewing_periods for fiche in _fiches(delivered).values()} == {None}


@pytest.mark.parametrize(
    ("statuses", "reason"),
    [
        (["withheld"], "withheld"),
        (["withheld", "notAssigned"], "withheld"),
        (["notAssigned"], "notAssigned"),
        ([], "noResult"),
        (["withheld", "absent"], None),
    ],
)
def test_the_hand_out_list_has_the_reason_for_no_fiche(
    delivered: Session, statuses: list[str], reason: str | None
) -> None:
    student = _student(delivered)
    own = delivered.scalars(
        select(Result).where(Result.student_id == student.id, Result.superseded_at.is_(None))
    ).all()
    for number, result in enumerate(own):
        if number < len(statuses):
            result.status, result.level_id = statuses[number], None
        else:
            delivered.execute(delete(ScaleScore).where(ScaleScore.result_id == result.id))
            delivered.delete(result)
    delivered.flush()
    group = next(
        one
        for one in _content(delivered).class_groups
        if one.class_group_id == student.class_group_id
    )
    members = delivered.scalars(
        select(Student).where(Student.class_group_id == student.class_group_id)
    ).all()
    assert [(one.family_name, one.given_name) for one in group.hand_out_list.entries] == [
        (one.family_name, one.given_name) for one in sorted(members, key=lambda one: one.sort_key)
    ]
    (entry,) = (one for one in group.hand_out_list.entries if one.stamnummer == student.stamnummer)
    assert entry.missing == reason
    missing = {one.student_id: one for one in group.missing}
    assert (student.id in missing) == (reason is not None)
    if reason == "noResult":
        shown = {c for fiche in group.fiches for c in fiche.component_ids}
        assert set(missing[student.id].component_ids) >= shown
    elif reason:
        assert len(missing[student.id].component_ids) == len(statuses)


def test_a_school_without_results_has_no_hand_out_list(delivered: Session) -> None:
    delivered.execute(
        update(Result)
        .where(Result.school_id == PRIMARY)
        .values(status="notAssigned", level_id=None)
    )
    assert all(group.missing for group in _content(delivered).class_groups)
    delivered.execute(delete(ScaleScore))
    delivered.execute(delete(Result).where(Result.school_id == PRIMARY))
    content = _content(delivered)
    assert content.class_groups == ()
    assert content.overview is None
