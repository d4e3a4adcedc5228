"""The job `deliveries.apply`: apply an uploaded delivery as a whole, or report its faults."""

import tempfile
from pathlib import Path
from uuid import UUID

from services.worker.execution import HandlerResult
from shared.core.errors import Conflict, DomainError
from shared.core.unit_of_work import UnitOfWork
from shared.deliveries.models import Delivery
from shared.deliveries.removal_check import RemovalLimit
from shared.deliveries.service import import_delivery
from shared.jobs.claims import Claim
from shared.storage.store import Storage


def apply_delivery(
    unit: UnitOfWork, claim: Claim, storage: Storage, insz_key: bytes, max_removed_share: float
) -> HandlerResult:
    """Apply a delivery, whose id is the item's subject, and delete its upload after commit."""
    session = unit.session
    delivery = session.get_one(Delivery, UUID(claim.subject))
    key = delivery.storage_key
    if key is None:
        raise Conflict("deliveryMissing", "Submit the delivery again.")
    unit.end_reading()  # no transaction is open while the upload is read
    # A file without a name: if the worker is killed, no INSZ remains on its disk.
    with tempfile.TemporaryFile() as file:
        for chunk in storage.stream(key):
            file.write(chunk)
        file.flush()
        outcome = import_delivery(
            session,
            Path(f"/proc/self/fd/{file.fileno()}"),
            insz_key=insz_key,
            removals=RemovalLimit(max_removed_share),
            received_from=delivery.received_from,
            delivery_id=delivery.id,
        )
    delivery.storage_key = None
    unit.after_commit(lambda: storage.delete([key]))
    problem = None
    if outcome.status == "refused":
        problem = DomainError(
            "deliveryRefused",
            "Nothing of the delivery was applied; its report lists every fault.",
            deliveryId=str(delivery.id),
        ).as_json()
    return HandlerResult(outcome.sums, problem=problem)
