"""Builds of which a document or everything fails."""

import json
import zipfile
from datetime import UTC, datetime
from io import BytesIO

import pytest
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from services.worker.documents.hand_out_table import REPLACEMENT
from shared.core.errors import Conflict
from shared.documents.hand_out_lists.content import MissingReason
from shared.documents.hand_out_lists.models import MissingFiche
from shared.documents.texts import DUTCH
from shared.jobs.claims import LeaseLostError
from shared.jobs.models import Job
from shared.storage.store import Storage
from shared.students.models import Student
from tests.worker.contents import page_texts
from tests.worker.jobs.building import (
    PRIMARY,
    build,
    claimed,
    content_of,
    documents,
    is_guide,
    run_build,
    students_who_took_part,
)

FAILURES = {MissingReason.UNDRAWABLE_TEXT, MissingReason.OVERFULL_FICHE}


def set_undrawable_name(session: Session) -> Student:
    first = min(students_who_took_part(PRIMARY))
    student = session.scalars(select(Student).where(Student.delivered_as == first)).one()
    student.family_name = "王"
    session.flush()
    return student


def test_a_failed_fiche_fails_again_in_a_build_without_changes(
    delivered: Session, storage: Storage, job: Job
) -> None:
    set_undrawable_name(delivered)
    assert build(delivered, storage, job).failures == build(delivered, storage, job).failures
    assert len(build(delivered, storage, job).failures) == 1


def test_an_undrawable_letter_fails_one_fiche_only(
    delivered: Session, storage: Storage, job: Job
) -> None:
    student = set_undrawable_name(delivered)
    result = build(delivered, storage, job)
    ((subject, problem),) = result.failures
    assert result.outcome["fiches"] == len(students_who_took_part(PRIMARY)) - 1
    assert subject == str(student.id)
    assert "U+738B" in problem["detail"]
    assert "王" not in json.dumps(problem, ensure_ascii=False)


def test_a_school_that_does_not_take_part_is_a_problem(
    delivered: Session, storage: Storage, job: Job
) -> None:
    with pytest.raises(Conflict, match="no longer takes part"):
        build(delivered, storage, job, "999999")


def test_a_cancelled_build_produces_no_further_class_group(
    delivered: Session, storage: Storage, job: Job
) -> None:
    cancelled = claimed(job)
    cancelled.lost.set()
    stored = set(storage.keys())
    with pytest.raises(LeaseLostError):
        run_build(delivered, storage, cancelled)
    assert set(storage.keys()) == stored


def missing_fiches(session: Session) -> dict[object, str]:
    return {
        row.student_id: row.reason
        for row in session.scalars(select(MissingFiche))
        if row.reason in FAILURES
    }


def list_of_class_group(session: Session, storage: Storage, student: Student) -> str:
    """Return the text of the hand-out list in the bundle of the student's class group."""
    (bundle,) = (
        one
        for one in documents(session, "ficheBundle")
        if one.class_group_id == student.class_group_id
    )
    with zipfile.ZipFile(BytesIO(content_of(storage, bundle))) as archive:
        first = next(name for name in archive.namelist() if not is_guide(name))
        return " ".join(page_texts(archive.read(first)))


def test_a_failed_fiche_is_missing_with_its_reason_until_a_build_makes_it(
    delivered: Session, storage: Storage, job: Job
) -> None:
    student = set_undrawable_name(delivered)
    build(delivered, storage, job)
    words = DUTCH.hand_out.missing[MissingReason.UNDRAWABLE_TEXT]
    assert missing_fiches(delivered) == {student.id: "undrawableText"}
    text = list_of_class_group(delivered, storage, student)
    assert words.name[1:] in text
    assert words.remedy in text
    student.family_name = "Wang"
    delivered.flush()
    build(delivered, storage, job)
    assert missing_fiches(delivered) == {}
    assert f"Wang, {student.given_name}" in list_of_class_group(delivered, storage, student)
    assert words.remedy not in list_of_class_group(delivered, storage, student)


def test_a_class_group_without_any_fiche_gets_its_hand_out_list(
    delivered: Session, storage: Storage, job: Job
) -> None:
    student = set_undrawable_name(delivered)
    own = Student.class_group_id == student.class_group_id
    delivered.execute(update(Student).where(own).values(family_name="王"))
    result = build(delivered, storage, job)
    pupils = delivered.scalars(select(Student).where(own)).all()
    assert {row.class_group_id for row in documents(delivered, "fiche")}.isdisjoint(
        {student.class_group_id}
    )
    assert len(result.failures) == len(missing_fiches(delivered)) <= len(pupils)
    text = list_of_class_group(delivered, storage, student)
    assert text.count(REPLACEMENT) == len(pupils)
    for kind in ("ficheBundle", "fichePrint"):
        assert student.class_group_id in {row.class_group_id for row in documents(delivered, kind)}


def test_a_missing_fiche_of_a_pupil_whose_enrolment_ended_is_removed(
    delivered: Session, storage: Storage, job: Job
) -> None:
    student = set_undrawable_name(delivered)
    build(delivered, storage, job)
    student.removed_at = datetime(2024, 6, 1, tzinfo=UTC)
    delivered.flush()
    build(delivered, storage, job)
    assert missing_fiches(delivered) == {}
    assert REPLACEMENT not in list_of_class_group(delivered, storage, student)
