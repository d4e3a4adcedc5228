import os
from datetime import timedelta
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from sqlalchemy import func, insert
from sqlalchemy.orm import Session

from shared.core.settings import Settings
from shared.documents.objects import BATCH_SIZE, new_object_key, remove_orphaned_objects
from shared.jobs.models import Job, JobItem
from shared.jobs.rules import BUILD_DOCUMENTS
from shared.storage.store import Storage
from tests.api.seeding import ADMINISTRATION, OBJECTS, OTHER, SCHOOL, seed_schools


@pytest.fixture
def store(settings: Settings, storage: Storage) -> Path:
    """The directory of a store with nothing in it."""
    storage.delete(list(storage.keys()))
    return Path(unquote(urlsplit(settings.storage_url).path))


def stray(storage: Storage, store: Path, school: str = SCHOOL, minutes_old: int = 61) -> str:
    key = new_object_key(ADMINISTRATION, school, "zip")
    storage.put(key, b"bytes of nobody")
    age(store, key, minutes_old)
    return key


def age(store: Path, key: str, minutes: int) -> None:
    written = (store / key).stat().st_mtime - minutes * 60
    os.utime(store / key, (written, written))


def test_what_no_document_has_bytes_in_goes_and_the_rest_stays(
    session: Session, storage: Storage, store: Path
) -> None:
    seed_schools(session, storage)
    young = stray(storage, store, minutes_old=59)
    upload = "deliveries/waiting.zip"
    storage.put(upload, b"PK")
    for key in (*OBJECTS.values(), upload):
        age(store, key, 24 * 60)
    gone = [stray(storage, store, school) for school in (SCHOOL, OTHER)]
    assert remove_orphaned_objects(session, storage) == len(gone)
    assert set(storage.keys()) == {*OBJECTS.values(), upload, young}


@pytest.mark.parametrize(
    ("kind", "state", "ended_minutes_ago", "stays"),
    [
        (BUILD_DOCUMENTS, "queued", None, True),
        (BUILD_DOCUMENTS, "running", None, True),
        (BUILD_DOCUMENTS, "done", 59, True),
        (BUILD_DOCUMENTS, "cancelled", 59, True),
        (BUILD_DOCUMENTS, "done", 61, False),
        ("deliveries.apply", "running", None, False),
    ],
)
def test_a_school_is_left_alone_until_its_builds_have_rested(
    session: Session,
    storage: Storage,
    store: Path,
    kind: str,
    state: str,
    ended_minutes_ago: int | None,
    *,
    stays: bool,
) -> None:
    job = {"kind": kind, "lane": "bulk", "subject": "x", "requested_by": "tests", "state": state}
    job_id = session.scalar(insert(Job).values(job).returning(Job.id))
    ended = None if ended_minutes_ago is None else timedelta(minutes=ended_minutes_ago)
    item = {
        "job_id": job_id,
        "subject": SCHOOL,
        "state": state,
        "lease_until_at": func.now() if state == "running" else None,
        "finished_at": None if ended is None else func.now() - ended,
    }
    session.execute(insert(JobItem).values(item))
    of_school, of_other = stray(storage, store), stray(storage, store, OTHER)
    remove_orphaned_objects(session, storage)
    assert storage.exists(of_school) is stays
    assert not storage.exists(of_other)


def test_more_than_are_looked_at_together_go_in_one_sweep(
    session: Session, storage: Storage, store: Path
) -> None:
    first = Path(stray(storage, store))
    for number in range(BATCH_SIZE):
        os.link(store / first, store / first.with_name(f"{number}.zip"))
    assert remove_orphaned_objects(session, storage) == BATCH_SIZE + 1
    assert list(storage.keys()) == []
