"""Objects that documents have bytes in: their keys, and removal of those that no document needs."""

from collections.abc import Sequence
from datetime import timedelta
from itertools import islice
from uuid import uuid4

from sqlalchemy.orm import Session

from shared.core.clock import database_now
from shared.documents.repository import referenced
from shared.jobs.repository import active_subjects
from shared.jobs.rules import BUILD_DOCUMENTS
from shared.storage.store import Storage

PREFIX = "documents"
REST = timedelta(hours=1)
"""Longer than a download of an object takes that a build has just replaced."""
PAGE = 1000
"""So many objects are looked at together, however many there are."""


def fresh_key(administration_id: str, school_id: str, suffix: str) -> str:
    """A key never used before, so that a reader has the old bytes or the new, whole."""
    return f"{PREFIX}/{administration_id}/{school_id}/{uuid4()}.{suffix}"


def remove_orphans(session: Session, storage: Storage) -> int:
    """Deletes objects that no document has bytes in; how many.

    What is young may be on its way to its row. What is old may have been replaced a moment ago, and
    somebody may still be reading it, so a school is left alone until its builds have rested too.
    """
    removed = 0
    keys = storage.keys(PREFIX, database_now(session) - REST)
    while page := list(islice(keys, PAGE)):
        orphans = _orphans(session, page)
        storage.delete(orphans)
        removed += len(orphans)
    return removed


def _orphans(session: Session, keys: Sequence[str]) -> list[str]:
    """In this order: what is replaced after the first question is answered by the second."""
    strays = set(keys) - referenced(session, keys)
    at_work = active_subjects(session, BUILD_DOCUMENTS, {_school_of(key) for key in strays}, REST)
    return [key for key in strays if _school_of(key) not in at_work]


def _school_of(key: str) -> str:
    """The last but one part of a key; of one that is not ours, some other word."""
    return key.rpartition("/")[0].rpartition("/")[2]
