import os
from datetime import timedelta
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from sqlalchemy import func, insert

from shared.core.settings import Settings
from shared.core.unit_of_work import UnitOfWork
from shared.documents.objects import BATCH_SIZE, new_object_key, remove_orphaned_objects
from shared.jobs.models import Job, JobItem
from shared.jobs.rules import BUILD_DOCUMENTS
from shared.storage.store import Storage
from tests.api.seeding import ADMINISTRATION, OBJECTS, OTHER, SCHOOL, seed_schools


@pytest.fixture
def store(settings: Settings, storage: Storage) -> Path:
    """Empty the store, and return its directory."""
    storage.delete(list(storage.keys()))
    return Path(unquote(urlsplit(settings.storage_url).path))


def add_orphan(storage: Storage, store: Path, school: str = SCHOOL, minutes_old: int = 61) -> str:
    key = new_object_key(ADMINISTRATION, school, "zip")
    storage.put(key, b"bytes of no document")
    set_age(store, key, minutes_old)
    return key


def set_age(store: Path, key: str, minutes: int) -> None:
    written = (store / key).stat().st_mtime - minutes * 60
    os.utime(store / key, (written, written))


def test_only_old_unreferenced_objects_are_removed(
    unit: UnitOfWork, storage: Storage, store: Path
) -> None:
    seed_schools(unit.session, storage)
    recent = add_orphan(storage, store, minutes_old=59)
    upload = "deliveries/waiting.zip"
    storage.put(upload, b"PK")
    for key in (*OBJECTS.values(), upload):
        set_age(store, key, 24 * 60)
    removed = [add_orphan(storage, store, school) for school in (SCHOOL, OTHER)]
    assert remove_orphaned_objects(unit, storage) == len(removed)
    assert set(storage.keys()) == {*OBJECTS.values(), upload, recent}


@pytest.mark.parametrize(
    ("kind", "state", "ended_minutes_ago", "is_kept"),
    [
        (BUILD_DOCUMENTS, "queued", None, True),
        (BUILD_DOCUMENTS, "running", None, True),
        (BUILD_DOCUMENTS, "done", 59, True),
        (BUILD_DOCUMENTS, "cancelled", 59, True),
        (BUILD_DOCUMENTS, "done", 61, False),
        ("deliveries.apply", "running", None, False),
    ],
)
def test_orphans_of_a_school_are_kept_during_and_shortly_after_its_builds(
    unit: UnitOfWork,
    storage: Storage,
    store: Path,
    kind: str,
    state: str,
    ended_minutes_ago: int | None,
    *,
    is_kept: bool,
) -> None:
    job = {"kind": kind, "lane": "bulk", "subject": "x", "requested_by": "tests", "state": state}
    ended = None if ended_minutes_ago is None else timedelta(minutes=ended_minutes_ago)
    finished = {} if ended is None else {"finished_at": func.now() - ended}
    job_id = unit.session.scalar(insert(Job).values(job | finished).returning(Job.id))
    item = {
        "job_id": job_id,
        "subject": SCHOOL,
        "state": state,
        "lease_until_at": func.now() if state == "running" else None,
        "finished_at": None if ended is None else func.now() - ended,
    }
    unit.session.execute(insert(JobItem).values(item))
    of_school, of_other = add_orphan(storage, store), add_orphan(storage, store, OTHER)
    remove_orphaned_objects(unit, storage)
    assert storage.exists(of_school) is is_kept
    assert not storage.exists(of_other)


def test_more_orphans_than_one_batch_are_removed_together(
    unit: UnitOfWork, storage: Storage, store: Path
) -> None:
    first = Path(add_orphan(storage, store))
    for number in range(BATCH_SIZE):
        os.link(store / first, store / first.with_name(f"{number}.zip"))
    assert remove_orphaned_objects(unit, storage) == BATCH_SIZE + 1
    assert list(storage.keys()) == []
