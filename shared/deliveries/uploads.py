"""Takes a delivery in: a row that it was received, and the job that applies it."""

from datetime import timedelta

from sqlalchemy.orm import Session

from shared.core.clock import database_now
from shared.core.unit_of_work import UnitOfWork
from shared.jobs import service as jobs
from shared.jobs.models import Job
from shared.jobs.queue import WakeUpQueue
from shared.jobs.rules import APPLY_DELIVERY, Lane
from shared.results import repository
from shared.results.models import Delivery
from shared.storage.store import Storage

UPLOADS = "deliveries"
"""Prefix in the object store of deliveries that wait to be applied."""


def receive_delivery(
    unit: UnitOfWork, queue: WakeUpQueue, storage_key: str, received_from: str
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
        ),
    )


def remove_stray_uploads(session: Session, storage: Storage, older_than: timedelta) -> int:
    """Deletes stored deliveries that no row waits for any more; how many.

    A process killed at the wrong moment leaves one, and it holds personal data in the clear. What
    is younger may still be on its way to its row.
    """
    written_before = database_now(session) - older_than
    stored = list(storage.keys(UPLOADS, written_before))
    strays = set(stored) - repository.waiting_uploads(session, stored)
    storage.delete(strays)
    return len(strays)
