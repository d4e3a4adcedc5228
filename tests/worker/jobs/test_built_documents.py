"""What the build of a school produces."""

import zipfile
from hashlib import sha256
from io import BytesIO

import pikepdf
import pypdfium2
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from shared.documents.models import Document
from shared.jobs.models import Job
from shared.releases.models import ReleaseWindow
from shared.results.models import Component
from shared.storage.store import Storage
from shared.students.models import ClassGroup, Student
from tests.worker.contents import page_texts
from tests.worker.jobs.building import (
    PRIMARY,
    SECONDARY,
    build,
    content_of,
    documents,
    is_guide,
    students_who_took_part,
)


def test_every_student_who_took_part_gets_one_fiche(
    delivered: Session, storage: Storage, job: Job
) -> None:
    result = build(delivered, storage, job)
    query = select(Student.delivered_as).join(Document, Document.student_id == Student.id)
    made = list(delivered.scalars(query))
    assert sorted(made) == sorted(students_who_took_part(PRIMARY))
    assert result.outcome["fiches"] == len(made)
    assert (result.outcome["overviews"], result.outcome["ficheBundles"]) == (1, 3)
    assert result.outcome["fichePrints"] == 3


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
        assert {key for f in fiches for key in f.storage_keys} == {bundle.storage_keys[-1]}
        hand_out_list, *members = (name for name in archive.namelist() if not is_guide(name))
        assert hand_out_list.startswith(f"{folder}/Uitdeellijst ")
        assert {name: archive.read(name) for name in members} == {
            f"{folder}/{f.file_name}": content_of(storage, f) for f in fiches
        }


def test_a_print_file_contains_the_fiches_of_its_class_group(
    delivered: Session, storage: Storage, job: Job
) -> None:
    build(delivered, storage, job)
    prints = [one for one in documents(delivered, "fichePrint") if one.class_group_id]
    assert len(prints) > 0
    for one in prints:
        fiches = [
            f for f in documents(delivered, "fiche") if f.class_group_id == one.class_group_id
        ]
        with pikepdf.open(BytesIO(content_of(storage, one))) as pdf, pdf.open_outline() as outline:
            lists = [entry.title for entry in outline.root]
            found = [child.title for entry in outline.root for child in entry.children]
        people = [delivered.get_one(Student, f.student_id) for f in fiches]
        people.sort(key=lambda student: student.sort_key)
        assert found == [f"{p.family_name}, {p.given_name}" for p in people]
        assert len(lists) == 1
        assert set(one.component_ids) >= {c for f in fiches for c in f.component_ids}
        assert (one.student_id, one.media_type) == (None, "application/pdf")
        assert one.file_name.startswith("Feedbackfiches ")


def test_the_print_file_of_a_school_has_those_of_its_class_groups_in_order(
    delivered: Session, storage: Storage, job: Job
) -> None:
    build(delivered, storage, job)
    prints = documents(delivered, "fichePrint")
    (whole,) = (one for one in prints if one.class_group_id is None)
    groups = delivered.scalars(select(ClassGroup).order_by(ClassGroup.sort_key)).all()
    by_group = {one.class_group_id: one for one in prints}
    expected: list[str] = []
    for group in groups:
        if group.id in by_group:
            pages = page_texts(content_of(storage, by_group[group.id]))
            expected += [*([""] if len(expected) % 2 else []), *pages]
    assert page_texts(content_of(storage, whole)) == expected
    assert len(by_group) > 2
    assert set(whole.component_ids) == {c for one in prints for c in one.component_ids}


def test_the_print_file_of_a_school_with_one_class_group_is_stored_once(
    delivered: Session, storage: Storage, job: Job
) -> None:
    groups = delivered.scalars(select(ClassGroup).where(ClassGroup.school_id == PRIMARY)).all()
    moved = update(Student).where(Student.school_id == PRIMARY)
    delivered.execute(moved.values(class_group_id=groups[0].id))
    delivered.flush()
    build(delivered, storage, job)
    first, second = documents(delivered, "fichePrint")
    assert {first.class_group_id, second.class_group_id} == {None, groups[0].id}
    assert first.storage_keys == second.storage_keys
    assert first.sha256 == second.sha256


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
    assert len(archive.namelist()) == len(set(archive.namelist()))
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
