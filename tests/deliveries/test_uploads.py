from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from sqlalchemy.orm import Session

from shared.core.clock import database_now
from shared.core.errors import ResourceNotFound
from shared.core.unit_of_work import UnitOfWork
from shared.deliveries.service import read_delivery
from shared.deliveries.uploads import UPLOADS, receive_delivery, remove_orphaned_uploads
from shared.jobs.queue import WakeUpQueue
from shared.jobs.rules import State
from shared.storage.store import Storage


def test_orphaned_upload_is_removed_and_pending_upload_is_kept(
    unit: UnitOfWork, queue: WakeUpQueue, storage: Storage
) -> None:
    orphan, pending, other = f"{UPLOADS}/orphan.zip", f"{UPLOADS}/pending.zip", "documents/x.zip"
    for key in (orphan, pending, other):
        storage.put(key, b"content")
    receive_delivery(unit, queue, pending, "tests")
    assert remove_orphaned_uploads(unit, storage, timedelta(hours=1)) == 0
    assert remove_orphaned_uploads(unit, storage, timedelta(hours=-1)) == 1
    assert [storage.exists(key) for key in (orphan, pending, other)] == [False, True, True]


def test_upload_of_a_delivery_that_failed_is_removed_later(
    unit: UnitOfWork, queue: WakeUpQueue, storage: Storage
) -> None:
    key = f"{UPLOADS}/failed.zip"
    storage.put(key, b"content")
    job = receive_delivery(unit, queue, key, "tests")
    job.state, job.finished_at = State.FAILED, database_now(unit.session)
    remove_orphaned_uploads(unit, storage, timedelta(hours=1))
    assert storage.exists(key)
    remove_orphaned_uploads(unit, storage, timedelta(hours=-1))
    assert not storage.exists(key)
    assert read_delivery(unit.session, UUID(job.subject)).storage_key is None


def test_unknown_delivery_is_not_found(session: Session) -> None:
    with pytest.raises(ResourceNotFound):
        read_delivery(session, uuid4())
