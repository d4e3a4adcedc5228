"""Stored objects of documents: new object keys, and removal of unreferenced objects."""

from collections.abc import Sequence
from datetime import timedelta
from itertools import islice
from uuid import uuid4

from sqlalchemy.orm import Session

from shared.core.clock import database_now
from shared.core.unit_of_work import UnitOfWork
from shared.documents.repository import referenced_keys
from shared.jobs.repository import recently_active_subjects
from shared.jobs.rules import BUILD_DOCUMENTS
from shared.storage.store import Storage

PREFIX = "documents"
MIN_ORPHAN_AGE = timedelta(hours=1)
"""Longer than the download of an object that a build has just replaced."""
BATCH_SIZE = 1000
"""Number of objects that are checked at a time."""


def new_object_key(administration_id: str, school_id: str, suffix: str) -> str:
    """Return a unique key: no object is overwritten, so a reader never sees mixed content."""
    return f"{objects_of(administration_id, school_id)}/{uuid4()}.{suffix}"


def objects_of(administration_id: str, school_id: str) -> str:
    """Return the prefix of the keys of a school's objects."""
    return f"{PREFIX}/{administration_id}/{school_id}"


def remove_orphaned_objects(unit: UnitOfWork, storage: Storage) -> int:
    """Delete objects that no document and no reading guide refers to; return their number.

    The row of a recent object may not be committed yet. An older object may have just been replaced
    while a download still reads it, so schools with a recent build are skipped. No transaction is
    open while the store works.
    """
    removed = 0
    written_before = database_now(unit.session) - MIN_ORPHAN_AGE
    unit.end_reading()
    keys = storage.keys(PREFIX, written_before)
    while page := list(islice(keys, BATCH_SIZE)):
        orphans = _orphans(unit.session, page)
        unit.end_reading()
        storage.delete(orphans)
        removed += len(orphans)
    return removed


def _orphans(session: Session, keys: Sequence[str]) -> list[str]:
    """Return the unreferenced keys of schools without a recent build.

    The order of the queries matters: the second one includes a build that ends after the first.
    """
    unreferenced = set(keys) - referenced_keys(session, keys)
    schools = {_school_of(key) for key in unreferenced}
    recent = recently_active_subjects(session, BUILD_DOCUMENTS, schools, MIN_ORPHAN_AGE)
    return [key for key in unreferenced if _school_of(key) not in recent]


def _school_of(key: str) -> str:
    """Return the second last part of a key, the school number in the keys of `new_object_key`."""
    return key.rpartition("/")[0].rpartition("/")[2]
