"""Applies a delivery that was uploaded: all of it, or nothing with a report."""

import tempfile
from pathlib import Path
from uuid import UUID

from sqlalchemy.orm import Session

from services.worker.execution import Performed
from shared.core.database import after_commit
from shared.core.errors import OWN, Problem
from shared.deliveries.models import Delivery
from shared.deliveries.service import import_delivery
from shared.jobs.claims import Claim
from shared.storage.store import Storage


def apply_delivery(session: Session, claim: Claim, storage: Storage, insz_key: bytes) -> Performed:
    """The item's subject is the delivery's id; its upload is removed once it is dealt with."""
    delivery = session.get_one(Delivery, UUID(claim.subject))
    key = delivery.storage_key
    if key is None:
        raise Problem(
            f"{OWN}deliveryMissing", "Delivery Missing", 409, "Hand the delivery over again."
        )
    with tempfile.TemporaryDirectory(prefix="toetsfeedback-delivery-") as directory:
        path = Path(directory) / "delivery.zip"
        with path.open("wb") as file:
            for chunk in storage.stream(key):
                file.write(chunk)
        outcome = import_delivery(
            session,
            path,
            insz_key=insz_key,
            received_from=delivery.received_from,
            delivery_id=delivery.id,
        )
    delivery.storage_key = None
    after_commit(session, lambda: storage.delete([key]))
    rows = outcome.report.get("rows", {})
    problem = None
    if outcome.status == "refused":
        problem = Problem(
            f"{OWN}deliveryRefused",
            "Delivery Refused",
            422,
            "Nothing of the delivery was applied; its report names every fault.",
            extra={"href": f"/v1/deliveries/{delivery.id}"},
        ).as_json()
    return Performed({"rows": sum(rows.values())}, problem=problem)
