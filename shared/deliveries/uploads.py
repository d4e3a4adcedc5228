"""Uploaded deliveries: their registration with the job that applies them, and their cleanup."""

from datetime import timedelta
from uuid import UUID

from shared.core.clock import database_now
from shared.core.unit_of_work import UnitOfWork
from shared.deliveries import repository
from shared.deliveries.models import Delivery
from shared.jobs import service as jobs
from shared.jobs.models import Job
from shared.jobs.queue import WakeUpQueue
from shared.jobs.rules import APPLY_DELIVERY, Lane
from shared.storage.store import Storage

UPLOADS = "deliveries"
"""Prefix in the object store of the deliveries that are not applied yet."""


def receive_delivery(
    unit: UnitOfWork,
    queue: WakeUpQueue,
    storage_key: str,
    received_from: str,
    trace_id: str | None = None,
) -> Job:
    """Record a received delivery, and start the job that applies it.

    Its ZIP is stored under the key; the subject of the job is the id of the delivery.
    """
    received = Delivery(status="received", storage_key=storage_key, received_from=received_from)
    delivery_id = str(repository.add_delivery(unit.session, received).id)
    return jobs.start(
        unit,
        queue,
        jobs.NewJob(
            kind=APPLY_DELIVERY,
            lane=Lane.BULK,
            subject=delivery_id,
            items=[delivery_id],
            requested_by=received_from,
            trace_id=trace_id,
        ),
    )


def remove_upload_of(unit: UnitOfWork, storage: Storage, job: Job) -> None:
    """Delete the upload of a cancelled job after the commit, if the job applies a delivery."""
    if job.kind != APPLY_DELIVERY:
        return
    delivery = repository.find_delivery(unit.session, UUID(job.subject))
    key = delivery.storage_key if delivery else None
    if key is not None:
        unit.after_commit(lambda: storage.delete([key]))


def remove_orphaned_uploads(unit: UnitOfWork, storage: Storage, older_than: timedelta) -> int:
    """Delete the stored deliveries that are not to be applied any more, and return their number.

    A process that is killed at the wrong moment leaves an object without a row, with unencrypted
    personal data. A younger object may still get its row. A failed delivery can be tried again for
    the same time. No transaction is open while the store works.
    """
    repository.forget_uploads(unit.session, older_than)
    written_before = database_now(unit.session) - older_than
    unit.end_reading()
    stored = list(storage.keys(UPLOADS, written_before))
    orphans = set(stored) - repository.pending_uploads(unit.session, stored)
    unit.end_reading()
    storage.delete(orphans)
    return len(orphans)
