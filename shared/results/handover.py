"""Takes a delivery in: a row that it was received, and the job that applies it."""

from sqlalchemy.orm import Session

from shared.jobs import service as jobs
from shared.jobs.models import Job
from shared.jobs.queue import WakeUpQueue
from shared.jobs.rules import APPLY_DELIVERY, Lane
from shared.results import repository
from shared.results.models import Delivery


def receive_delivery(
    session: Session, queue: WakeUpQueue, storage_key: str, received_from: str
) -> Job:
    """The job for a delivery whose ZIP is stored under the key; its subject is the delivery."""
    received = Delivery(status="received", storage_key=storage_key, received_from=received_from)
    delivery_id = str(repository.add_delivery(session, received).id)
    return jobs.start(
        session,
        queue,
        jobs.Order(
            kind=APPLY_DELIVERY,
            lane=Lane.BULK,
            subject=delivery_id,
            items=[delivery_id],
            requested_by=received_from,
        ),
    )
