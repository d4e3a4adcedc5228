import csv
import json
import shutil
import zipfile
from collections.abc import Sequence
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from uuid import UUID, uuid4

import pikepdf
import pypdfium2
import pytest
from sqlalchemy import select, text, update
from sqlalchemy.orm import Session

from services.worker.documents.school_production import Renderers
from services.worker.execution import HandlerResult
from services.worker.jobs.documents import build_school
from shared.core.errors import Conflict
from shared.core.unit_of_work import UnitOfWork
from shared.deliveries.service import import_delivery
from shared.documents.catalogues import CatalogueCache
from shared.documents.models import Document
from shared.documents.repository import DocumentFilter, page_of_documents
from shared.jobs import service
from shared.jobs.claims import Claim, LeaseLostError
from shared.jobs.models import Job
from shared.jobs.queue import WakeUpQueue
from shared.jobs.rules import BUILD_DOCUMENTS, Lane
from shared.releases.models import ReleaseWindow
from shared.results.models import Component
from shared.storage.store import Storage
from shared.students.models import ClassGroup, Student

SAMPLE = Path(__file__).parents[2] / "data" / "delivery-sample"
PRIMARY, SECONDARY = "000028", "007947"
KEY = b"k" * 32


@pytest.fixture
def delivered(session: Session) -> Session:
    outcome = import_delivery(session, SAMPLE, insz_key=KEY, received_from="tests")
    assert outcome.status == "applied", outcome.report
    return session


@pytest.fixture
def job(unit: UnitOfWork, delivered: Session, queue: WakeUpQueue) -> Job:  # noqa: ARG001  # the facts
    order = service.NewJob(BUILD_DOCUMENTS, Lane.BULK, "2024", [PRIMARY], "tests")
    return service.start(unit, queue, order)


def build(
    session: Session,
    storage: Storage,
    job: Job,
    school_id: str = PRIMARY,
    *,
    force: bool = False,
) -> HandlerResult:
    session.expire_all()
    claim = claimed(job, school_id, force=force)
    return build_school(session, claim, storage, CatalogueCache(), Renderers())


def claimed(job: Job, school_id: str = PRIMARY, *, force: bool = False) -> Claim:
    arguments = {"administrationId": "2024", "force": force}
    return Claim(uuid4(), job.id, BUILD_DOCUMENTS, Lane.BULK, school_id, arguments, 1, 1)


def documents(session: Session, kind: str, school_id: str = PRIMARY) -> Sequence[Document]:
    query = select(Document).where(Document.kind == kind, Document.school_id == school_id)
    return session.scalars(query.order_by(Document.file_name)).all()


def content_of(storage: Storage, document: Document) -> bytes:
    return b"".join(storage.stream_segments(document.segments))


def rows(name: str) -> list[dict[str, str]]:
    with (SAMPLE / name).open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def students_with_a_level(school_id: str) -> set[str]:
    calibrations = {r["component"] for r in rows("components.csv") if r["calibration"] == "true"}
    own = {row["student"] for row in rows("students.csv") if row["school"] == school_id}
    return own & {
        row["student"]
        for row in rows("results.csv")
        if row["status"] == "reported" and row["component"] not in calibrations
    }


def test_every_student_with_a_level_gets_one_fiche(
    delivered: Session, storage: Storage, job: Job
) -> None:
    result = build(delivered, storage, job)
    query = select(Student.delivered_as).join(Document, Document.student_id == Student.id)
    made = list(delivered.scalars(query))
    assert sorted(made) == sorted(students_with_a_level(PRIMARY))
    assert result.outcome["fiches"] == len(made)
    assert (result.outcome["overviews"], result.outcome["ficheBundles"]) == (1, 3)
    assert result.outcome["fichePrints"] == 2


def test_each_row_refers_to_its_bytes(delivered: Session, storage: Storage, job: Job) -> None:
    build(delivered, storage, job)
    for document in delivered.scalars(select(Document)):
        assert sha256(content_of(storage, document)).digest() == document.sha256


def test_a_fiche_is_a_range_of_its_class_bundle(
    delivered: Session, storage: Storage, job: Job
) -> None:
    build(delivered, storage, job)
    names = {group.id: group.name for group in delivered.scalars(select(ClassGroup))}
    for bundle in documents(delivered, "ficheBundle"):
        if bundle.class_group_id is None:
            continue
        archive = zipfile.ZipFile(BytesIO(content_of(storage, bundle)))
        folder = names[bundle.class_group_id]
        fiches = [
            f for f in documents(delivered, "fiche") if f.class_group_id == bundle.class_group_id
        ]
        assert {key for f in fiches for key in f.storage_keys} == set(bundle.storage_keys)
        assert {name: archive.read(name) for name in archive.namelist()} == {
            f"{folder}/{f.file_name}": content_of(storage, f) for f in fiches
        }


def test_a_print_file_contains_the_fiches_of_its_class_group(
    delivered: Session, storage: Storage, job: Job
) -> None:
    build(delivered, storage, job)
    prints = documents(delivered, "fichePrint")
    assert len(prints) > 0
    for one in prints:
        fiches = [
            f for f in documents(delivered, "fiche") if f.class_group_id == one.class_group_id
        ]
        with pikepdf.open(BytesIO(content_of(storage, one))) as pdf, pdf.open_outline() as outline:
            names = sorted(entry.title for entry in outline.root)
        people = [delivered.get_one(Student, f.student_id) for f in fiches]
        assert names == sorted(f"{p.given_name} {p.family_name}" for p in people)
        assert set(one.component_ids) == {c for f in fiches for c in f.component_ids}
        assert (one.student_id, one.media_type) == (None, "application/pdf")
        assert one.file_name.endswith(" 2024.pdf")


def test_the_bundle_of_a_school_joins_those_of_its_classes_and_stores_no_byte_twice(
    delivered: Session, storage: Storage, job: Job
) -> None:
    build(delivered, storage, job)
    (whole,) = (d for d in documents(delivered, "ficheBundle") if d.class_group_id is None)
    classes = [d for d in documents(delivered, "ficheBundle") if d.class_group_id is not None]
    archive = zipfile.ZipFile(BytesIO(content_of(storage, whole)))
    assert archive.testzip() is None
    assert {name: archive.read(name) for name in archive.namelist()} == {
        name: members.read(name)
        for one in classes
        for members in [zipfile.ZipFile(BytesIO(content_of(storage, one)))]
        for name in members.namelist()
    }
    shared = {key for one in classes for key in one.storage_keys}
    assert [key for key in whole.storage_keys if key not in shared] == whole.storage_keys[-1:]
    assert whole.byte_sizes[-1] < 200 * len(archive.namelist())


def test_a_calibration_is_in_no_document(delivered: Session, storage: Storage, job: Job) -> None:
    build(delivered, storage, job, SECONDARY)
    calibrations = delivered.scalars(select(Component).where(Component.is_calibration)).all()
    shown = {c for d in delivered.scalars(select(Document)) for c in d.component_ids}
    assert len(calibrations) > 0
    assert shown & {component.id for component in calibrations} == set()
    for document in documents(delivered, "fiche", SECONDARY):
        pdf = pypdfium2.PdfDocument(content_of(storage, document))
        text = " ".join(page.get_textpage().get_text_bounded() for page in pdf)
        assert [c.name for c in calibrations if c.name in " ".join(text.split())] == []
        pdf.close()


def test_a_component_that_is_never_released_is_left_out(
    delivered: Session, storage: Storage, job: Job
) -> None:
    component = delivered.scalars(select(Component).where(Component.code == "LO4-SCH")).one()
    delivered.add(
        ReleaseWindow(
            administration_id="2024",
            product="studentFeedback",
            component_id=component.id,
            never=True,
        )
    )
    delivered.flush()
    build(delivered, storage, job)
    fiches = documents(delivered, "fiche")
    assert len(fiches) > 0
    assert [fiche for fiche in fiches if component.id in fiche.component_ids] == []


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
    assert {version for _, version, _ in second.values()} == {2}
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
        "unchanged": len(before),
        "failures": 0,
        "removed": 0,
    }
    assert (states(delivered), set(storage.keys())) == (before, objects)


def test_a_change_rebuilds_the_class_group_and_the_school_bundle_only(
    delivered: Session, storage: Storage, job: Job
) -> None:
    build(delivered, storage, job)
    before = states(delivered)
    student = delivered.scalars(
        select(Student).where(Student.delivered_as == max(students_with_a_level(PRIMARY)))
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
    assert len(archive.namelist()) == len(documents(delivered, "fiche"))


def test_a_class_group_without_a_print_file_gets_one(
    delivered: Session, storage: Storage, job: Job
) -> None:
    build(delivered, storage, job)
    lost, kept = documents(delivered, "fichePrint")
    delivered.delete(lost)
    delivered.flush()
    assert build(delivered, storage, job).outcome["fichePrints"] == 1
    found = {one.class_group_id: one for one in documents(delivered, "fichePrint")}
    assert found.keys() == {lost.class_group_id, kept.class_group_id}
    assert found[lost.class_group_id].sha256 == lost.sha256
    assert found[kept.class_group_id] is kept


def test_another_template_version_rebuilds_its_documents_only(
    delivered: Session, storage: Storage, job: Job
) -> None:
    build(delivered, storage, job)
    older = update(Document).where(Document.kind == "overview").values(template_version="older")
    delivered.execute(older)
    again = build(delivered, storage, job)
    assert (again.outcome["overviews"], again.outcome["fiches"]) == (1, 0)


def set_undrawable_name(session: Session) -> Student:
    first = min(students_with_a_level(PRIMARY))
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
    assert result.outcome["fiches"] == len(students_with_a_level(PRIMARY)) - 1
    assert subject == str(student.id)
    assert "U+738B" in problem["detail"]
    assert "王" not in json.dumps(problem, ensure_ascii=False)


def test_the_fiche_of_a_removed_student_is_removed(
    delivered: Session, storage: Storage, job: Job, tmp_path: Path
) -> None:
    build(delivered, storage, job)
    before = {document.student_id for document in documents(delivered, "fiche")}
    gone = min(students_with_a_level(PRIMARY))
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


def without_student(target: Path, student: str) -> Path:
    """Return the next full delivery: the sample without one student."""
    copy = target / "second"
    shutil.copytree(SAMPLE, copy)
    manifest = json.loads((copy / "delivery.json").read_text())
    for name in ("students.csv", "results.csv", "item_results.csv"):
        lines = (copy / name).read_text(encoding="utf-8").splitlines(keepends=True)
        kept = [line for line in lines if not line.startswith(f"{student},")]
        (copy / name).write_text("".join(kept), encoding="utf-8")
        digest = sha256((copy / name).read_bytes()).hexdigest()
        manifest["files"][name] = {"rows": len(kept) - 1, "sha256": digest}
    manifest |= {"deliveryId": "second", "sequence": 2}
    (copy / "delivery.json").write_text(json.dumps(manifest))
    return copy


def test_a_school_that_does_not_take_part_is_a_problem(
    delivered: Session, storage: Storage, job: Job
) -> None:
    with pytest.raises(Conflict, match="no longer takes part"):
        build(delivered, storage, job, "999999")


def test_a_delivery_hides_the_documents_of_a_school_until_they_are_built_again(
    delivered: Session, storage: Storage, job: Job, tmp_path: Path
) -> None:
    def shown() -> int:
        delivered.expire_all()
        delivered.execute(
            text(
                "insert into release_windows (administration_id, product, opens_at)"
                " values ('2024', 'studentFeedback', now() - interval '1 hour')"
                " on conflict do nothing"
            )
        )
        return page_of_documents(delivered, DocumentFilter(PRIMARY), 0, 10)[0]

    build(delivered, storage, job)
    before = shown()
    gone = min(students_with_a_level(PRIMARY))
    import_delivery(delivered, without_student(tmp_path, gone), insz_key=KEY, received_from="tests")
    hidden = shown()
    build(delivered, storage, job)
    assert (hidden, shown()) == (0, before - 1)


def test_a_cancelled_build_produces_no_further_class_group(
    delivered: Session, storage: Storage, job: Job
) -> None:
    cancelled = claimed(job)
    cancelled.lost.set()
    stored = set(storage.keys())
    with pytest.raises(LeaseLostError):
        build_school(delivered, cancelled, storage, CatalogueCache(), Renderers())
    assert set(storage.keys()) == stored
