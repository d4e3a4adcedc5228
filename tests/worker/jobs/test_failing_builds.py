"""Builds of which a document or everything fails."""

import json

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from shared.core.errors import Conflict
from shared.jobs.claims import LeaseLostError
from shared.jobs.models import Job
from shared.storage.store import Storage
from shared.students.models import Student
from tests.worker.jobs.building import (
    PRIMARY,
    build,
    claimed,
    run_build,
    students_who_took_part,
)


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
