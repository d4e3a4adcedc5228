"""A correction replaces the documents of the students concerned, and keeps what they were."""

from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from shared.core.unit_of_work import UnitOfWork
from shared.documents.models import Document
from shared.documents.repository import referenced_keys
from shared.documents.superseded.models import SupersededDocument
from shared.jobs import service
from shared.jobs.models import Job
from shared.jobs.queue import WakeUpQueue
from shared.jobs.rules import BUILD_DOCUMENTS, Lane
from shared.storage.store import Storage
from shared.students.models import ClassGroup, Student
from tests.deliveries.delivery_files import correction, full
from tests.deliveries.delivery_rows import import_applied
from tests.worker.jobs.building import PRIMARY, SECONDARY, build, content_of

Subject = tuple[str, str | None, str | None]
"""The kind, the class group and the student of a document."""
OF_S1: set[Subject] = {
    ("fiche", "4A", "s1"),
    ("ficheBundle", "4A", None),
    ("fichePrint", "4A", None),
    ("ficheBundle", None, None),
    ("fichePrint", None, None),
    ("overview", None, None),
}


class Version(NamedTuple):
    id: UUID
    version: int
    digest: bytes
    built_at: object


@pytest.fixture
def job(unit: UnitOfWork, storage: Storage, queue: WakeUpQueue, tmp_path: Path) -> Job:
    """A job of two schools whose documents are built."""
    import_applied(unit.session, full(), tmp_path)
    order = service.NewJob(BUILD_DOCUMENTS, Lane.BULK, "2024", [PRIMARY, SECONDARY], "tests")
    job = service.start(unit, queue, order)
    for school in (PRIMARY, SECONDARY):
        build(unit.session, storage, job, school)
    return job


def _named(
    session: Session, model: type[Document | SupersededDocument]
) -> list[tuple[Any, str | None, str | None]]:
    session.expire_all()
    found = (
        select(model, ClassGroup.name, Student.delivered_as)
        .outerjoin(ClassGroup, ClassGroup.id == model.class_group_id)
        .outerjoin(Student, Student.id == model.student_id)
    )
    return [(one, group, student) for one, group, student in session.execute(found)]


def documents(session: Session) -> dict[Subject, Document]:
    return {
        (one.kind, group, student): one
        for one, group, student in _named(session, Document)
        if one.school_id == PRIMARY
    }


def versions(session: Session) -> dict[Subject, Version]:
    return {
        subject: Version(one.id, one.version, one.sha256, one.built_at)
        for subject, one in documents(session).items()
    }


def superseded(session: Session) -> dict[Subject, tuple[int, bytes, str]]:
    return {
        (one.kind, group, student): (one.version, one.sha256, one.reason)
        for one, group, student in _named(session, SupersededDocument)
    }


def correct(session: Session, directory: Path, *row: str) -> None:
    import_applied(session, correction(2, results=[list(row)]), directory)


def test_a_correction_replaces_the_documents_of_its_students_only(
    session: Session, storage: Storage, job: Job, tmp_path: Path
) -> None:
    before = versions(session)
    places = {subject: one.storage_keys for subject, one in documents(session).items()}
    correct(session, tmp_path, "s1", "LEZ4", "reported", "E", "200")
    build(session, storage, job)
    after, kept = versions(session), documents(session)
    assert before.keys() == after.keys()
    assert {subject for subject in after if after[subject] != before[subject]} == OF_S1
    for subject in OF_S1:
        assert after[subject].id == before[subject].id
        assert after[subject].version == 2
    for subject in after.keys() - OF_S1 - {("fiche", "4A", "s2")}:
        assert kept[subject].storage_keys == places[subject]
    for document in kept.values():
        assert sha256(content_of(storage, document)).digest() == document.sha256
    assert superseded(session) == {
        subject: (1, before[subject].digest, "corrected") for subject in OF_S1
    }


def test_no_row_refers_to_the_bytes_of_a_superseded_document(
    session: Session, storage: Storage, job: Job, tmp_path: Path
) -> None:
    former = {key for subject in OF_S1 for key in documents(session)[subject].storage_keys}
    untouched = documents(session)["ficheBundle", "4B", None].storage_keys
    correct(session, tmp_path, "s1", "LEZ4", "reported", "E", "200")
    build(session, storage, job)
    assert referenced_keys(session, list(former)) == {*untouched}


def test_a_correction_that_changes_nothing_supersedes_nothing(
    session: Session, storage: Storage, job: Job, tmp_path: Path
) -> None:
    before = versions(session)
    correct(session, tmp_path, "s1", "LEZ4", "reported", "C", "240.50")
    build(session, storage, job)
    assert versions(session) == before
    assert superseded(session) == {}


def test_the_fiche_of_a_student_without_any_result_is_withdrawn(
    session: Session, storage: Storage, job: Job, tmp_path: Path
) -> None:
    before = versions(session)
    removed = ("fiche", "4B", "s5")
    correct(session, tmp_path, "s5", "LEZ4", "withdrawn", "", "")
    assert build(session, storage, job).outcome["removed"] == 1
    assert before.keys() - documents(session).keys() == {removed}
    assert superseded(session)[removed] == (1, before[removed].digest, "withdrawn")
    assert superseded(session)["overview", None, None][2] == "corrected"


def test_the_line_of_a_withdrawn_result_is_removed(
    session: Session, storage: Storage, job: Job, tmp_path: Path
) -> None:
    before = documents(session)["fiche", "4A", "s1"]
    components = before.component_ids
    correct(session, tmp_path, "s1", "WIS4", "withdrawn", "", "")
    build(session, storage, job)
    after = documents(session)["fiche", "4A", "s1"]
    assert len(after.component_ids) == len(components) - 1
    assert superseded(session)["fiche", "4A", "s1"][2] == "corrected"


def test_the_documents_of_a_student_in_two_schools_are_replaced_in_both(
    session: Session, storage: Storage, job: Job, tmp_path: Path
) -> None:
    correct(session, tmp_path, "s5", "LEZ4", "reported", "C", "1")
    for school in (PRIMARY, SECONDARY):
        build(session, storage, job, school)
    found = _named(session, SupersededDocument)
    fiches = {one.school_id for one, *_ in found if one.kind == "fiche"}
    assert fiches == {PRIMARY, SECONDARY}
    assert ("fiche", "2A", "s4") not in superseded(session)
