"""Reading guides: published once, stored once, and in every bundle."""

import os
import zipfile
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from urllib.parse import unquote, urlsplit

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session, sessionmaker

from services.worker.documents.reading_guides import bundled_guides
from services.worker.jobs.reading_guides import publish_bundled_guides
from shared.core.settings import Settings
from shared.core.unit_of_work import UnitOfWork
from shared.documents.models import Document
from shared.documents.objects import remove_orphaned_objects
from shared.documents.reading_guides.models import ReadingGuide
from shared.documents.reading_guides.texts import GUIDE_TEXTS, GUIDES_FOLDER
from shared.jobs.models import Job
from shared.storage.store import Storage
from shared.students.models import ClassGroup
from tests.worker.jobs.building import build, content_of, documents, is_guide


def guides_object() -> str:
    """Return the key of the object of all guides."""
    return bundled_guides().segment.key


def published(session: Session, storage: Storage) -> int:
    with UnitOfWork(sessionmaker(session.connection())) as unit:
        return publish_bundled_guides(unit, storage)


def guides_in(content: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(BytesIO(content)) as archive:
        assert archive.testzip() is None
        return {name: archive.read(name) for name in archive.namelist() if is_guide(name)}


def test_a_worker_publishes_a_guide_per_language_once(session: Session, storage: Storage) -> None:
    assert published(session, storage) == len(GUIDE_TEXTS)
    assert published(session, storage) == 0
    rows = session.scalars(select(ReadingGuide).order_by(ReadingGuide.language)).all()
    assert [row.language for row in rows] == [texts.language for texts in GUIDE_TEXTS]
    for row in rows:
        end = row.byte_offset + row.byte_size
        content = b"".join(storage.stream(row.storage_key, row.byte_offset, end))
        assert content.startswith(b"%PDF-1.7")
        assert sha256(content).digest() == row.sha256


def test_a_worker_replaces_guides_of_another_version(session: Session, storage: Storage) -> None:
    published(session, storage)
    older = {"template_version": "guide-0", "storage_key": "documents/readingGuides/older.zip"}
    session.execute(update(ReadingGuide).where(ReadingGuide.language == "fr").values(older))
    session.expire_all()
    assert published(session, storage) == 1
    session.expire_all()
    rows = session.scalars(select(ReadingGuide)).all()
    assert {row.storage_key for row in rows} == {guides_object()}


def test_a_lost_or_short_object_of_guides_is_stored_again(
    session: Session, storage: Storage
) -> None:
    published(session, storage)
    content = storage.read(guides_object())
    storage.delete([guides_object()])
    published(session, storage)
    assert storage.read(guides_object()) == content
    storage.put(guides_object(), content[:1000])
    published(session, storage)
    assert storage.read(guides_object()) == content


def test_every_bundle_has_all_guides_once_and_they_are_stored_once(
    delivered: Session, storage: Storage, job: Job
) -> None:
    build(delivered, storage, job)
    bundles = documents(delivered, "ficheBundle")
    assert len(bundles) > 2
    expected = {guide.file_name: guide.sha256 for guide in bundled_guides().guides}
    for bundle in bundles:
        assert bundle.storage_keys[0] == guides_object()
        assert bundle.storage_keys.count(guides_object()) == 1
        guides = guides_in(content_of(storage, bundle))
        assert {
            name.removeprefix(f"{GUIDES_FOLDER}/"): sha256(data).digest()
            for name, data in guides.items()
        } == expected


def test_a_class_group_named_like_the_folder_of_guides_has_its_own(
    delivered: Session, storage: Storage, job: Job
) -> None:
    group = delivered.scalars(
        select(ClassGroup).join(Document, isouter=True).where(ClassGroup.name == "4A")
    ).first()
    assert group is not None
    group.name = GUIDES_FOLDER.upper()
    delivered.flush()
    build(delivered, storage, job, group.school_id)
    (bundle,) = (
        one
        for one in documents(delivered, "ficheBundle", group.school_id)
        if one.class_group_id == group.id
    )
    with zipfile.ZipFile(BytesIO(content_of(storage, bundle))) as archive:
        folders = {name.partition("/")[0] for name in archive.namelist()}
    assert folders == {GUIDES_FOLDER, f"{GUIDES_FOLDER.upper()} (2)"}


def test_a_build_stores_guides_that_are_lost_and_renews_the_bundles(
    delivered: Session, storage: Storage, job: Job
) -> None:
    build(delivered, storage, job)
    before = {one.id: one.sha256 for one in documents(delivered, "ficheBundle")}
    storage.delete([guides_object()])
    build(delivered, storage, job)
    bundles = documents(delivered, "ficheBundle")
    assert {one.id: one.sha256 for one in bundles} == before
    for bundle in bundles:
        assert sha256(content_of(storage, bundle)).digest() == bundle.sha256


def test_guides_are_no_orphans_before_a_bundle_has_them(
    session: Session, storage: Storage, settings: Settings
) -> None:
    published(session, storage)
    session.execute(delete(Document))
    path = Path(unquote(urlsplit(settings.storage_url).path)) / guides_object()
    day_before = path.stat().st_mtime - 24 * 3600
    os.utime(path, (day_before, day_before))
    with UnitOfWork(sessionmaker(session.connection())) as unit:
        remove_orphaned_objects(unit, storage)
    assert storage.exists(guides_object())
    session.execute(delete(ReadingGuide))
    session.flush()
    with UnitOfWork(sessionmaker(session.connection())) as unit:
        remove_orphaned_objects(unit, storage)
    assert not storage.exists(guides_object())
