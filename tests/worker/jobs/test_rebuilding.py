"""What a second build of a school produces, replaces and removes."""

import zipfile
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import delete, select, text, update
from sqlalchemy.orm import Session

from services.worker.documents import school_plan
from shared.core.paging import PageSelection
from shared.deliveries.service import import_delivery
from shared.documents.models import Document
from shared.documents.repository import DocumentFilter, page_of_documents
from shared.jobs.models import Job
from shared.storage.store import Storage
from shared.students.models import Student
from tests.worker.jobs.building import (
    KEY,
    PRIMARY,
    build,
    content_of,
    documents,
    is_guide,
    students_who_took_part,
    without_student,
)


def test_a_forced_build_gives_the_same_bytes_and_ids(
    delivered: Session, storage: Storage, job: Job
) -> None:
    def built() -> dict[UUID, tuple[bytes, int, str]]:
        build(delivered, storage, job, force=True)
        delivered.expire_all()
        return {
            d.id: (d.sha256, d.version, d.storage_keys[-1])
            for d in delivered.scalars(select(Document))
        }

    first, second = built(), built()
    assert first.keys() == second.keys()
    assert {i: digest for i, (digest, _, _) in first.items()} == {
        i: digest for i, (digest, _, _) in second.items()
    }
    assert {version for _, version, _ in second.values()} == {1}
    assert {k for _, _, k in first.values()} & {k for _, _, k in second.values()} == set()


def states(session: Session) -> dict[UUID, tuple[str, int, list[str]]]:
    session.expire_all()
    rows = session.scalars(select(Document).where(Document.school_id == PRIMARY))
    return {d.id: (d.kind, d.version, d.storage_keys) for d in rows}


def test_a_build_without_changes_reports_all_documents_as_unchanged(
    delivered: Session, storage: Storage, job: Job
) -> None:
    build(delivered, storage, job)
    before, objects = states(delivered), set(storage.keys())
    again = build(delivered, storage, job)
    assert again.outcome == {
        "fiches": 0,
        "overviews": 0,
        "ficheBundles": 0,
        "fichePrints": 0,
        "schoolFeedbackReports": 0,
        "schoolFeedbackWorkbooks": 0,
        "unchanged": len(before),
        "failures": 0,
        "removed": 0,
        "repeated": 0,
    }
    assert (states(delivered), set(storage.keys())) == (before, objects)


def test_a_change_rebuilds_the_class_group_and_the_school_bundle_only(
    delivered: Session, storage: Storage, job: Job
) -> None:
    build(delivered, storage, job)
    before = states(delivered)
    student = delivered.scalars(
        select(Student).where(Student.delivered_as == max(students_who_took_part(PRIMARY)))
    ).one()
    student.given_name = "Anders"
    delivered.flush()
    build(delivered, storage, job)
    after = states(delivered)
    made = {i for i in after if after[i] != before[i]}
    expected = {
        document.id
        for document in delivered.scalars(select(Document).where(Document.school_id == PRIMARY))
        if document.class_group_id in {None, student.class_group_id}
    }
    assert made == expected
    assert len(made) < len(after)
    for document in delivered.scalars(select(Document)):
        assert sha256(content_of(storage, document)).digest() == document.sha256
    (whole,) = (d for d in documents(delivered, "ficheBundle") if d.class_group_id is None)
    archive = zipfile.ZipFile(BytesIO(content_of(storage, whole)))
    assert archive.testzip() is None
    lists = len(documents(delivered, "ficheBundle")) - 1
    members = [name for name in archive.namelist() if not is_guide(name)]
    assert len(members) == len(documents(delivered, "fiche")) + lists


@pytest.mark.parametrize(("is_of_school", "made"), [(False, 2), (True, 1)])
def test_a_class_group_or_school_without_a_print_file_gets_the_same_again(
    delivered: Session, storage: Storage, job: Job, *, is_of_school: bool, made: int
) -> None:
    build(delivered, storage, job)
    before = {one.class_group_id: one.sha256 for one in documents(delivered, "fichePrint")}
    lost = min(before, key=lambda group: (group is None) != is_of_school)
    delivered.execute(
        delete(Document).where(
            Document.kind == "fichePrint", Document.class_group_id.is_not_distinct_from(lost)
        )
    )
    assert build(delivered, storage, job).outcome["fichePrints"] == made
    after = {one.class_group_id: one.sha256 for one in documents(delivered, "fichePrint")}
    assert after == before


def test_another_template_version_rebuilds_its_documents_only(
    delivered: Session, storage: Storage, job: Job
) -> None:
    build(delivered, storage, job)
    older = update(Document).where(Document.kind == "overview").values(template_version="older")
    delivered.execute(older)
    again = build(delivered, storage, job)
    assert (again.outcome["overviews"], again.outcome["fiches"]) == (1, 0)


def test_another_version_of_the_reading_guides_rebuilds_every_bundle(
    delivered: Session, storage: Storage, job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = build(delivered, storage, job).outcome["ficheBundles"]
    monkeypatch.setattr(school_plan, "READING_GUIDE_VERSION", "newer")
    again = build(delivered, storage, job)
    assert (again.outcome["ficheBundles"], again.outcome["overviews"]) == (made, 0)


def test_the_fiche_of_a_removed_student_is_removed(
    delivered: Session, storage: Storage, job: Job, tmp_path: Path
) -> None:
    build(delivered, storage, job)
    before = {document.student_id for document in documents(delivered, "fiche")}
    gone = min(students_who_took_part(PRIMARY))
    outcome = import_delivery(
        delivered, without_student(tmp_path, gone), insz_key=KEY, received_from="tests"
    )
    assert outcome.status == "applied", outcome.report
    delivered.expire_all()
    result = build(delivered, storage, job)
    after = {document.student_id for document in documents(delivered, "fiche")}
    assert result.outcome["removed"] == 1
    assert len(before - after) == 1
    assert after < before


def test_a_delivery_hides_the_documents_of_a_school_until_they_are_built_again(
    delivered: Session, storage: Storage, job: Job, tmp_path: Path
) -> None:
    def shown() -> int:
        delivered.expire_all()
        delivered.execute(
            text(
                "insert into release_windows (administration_id, product, opens_at, before_plans)"
                " values ('2024', 'studentFeedback', now() - interval '1 hour', true)"
                " on conflict do nothing"
            )
        )
        return page_of_documents(delivered, DocumentFilter(PRIMARY), PageSelection(10)).total or 0

    build(delivered, storage, job)
    before = shown()
    gone = min(students_who_took_part(PRIMARY))
    import_delivery(delivered, without_student(tmp_path, gone), insz_key=KEY, received_from="tests")
    hidden = shown()
    build(delivered, storage, job)
    assert (hidden, shown()) == (0, before - 1)
