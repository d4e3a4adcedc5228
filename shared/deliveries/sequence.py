"""Whose turn it is: one import of an administration at a time, each the next in its sequence."""

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from shared.deliveries.delivery_format import MANIFEST
from shared.deliveries.faults import Fault, FaultLog, showable
from shared.deliveries.manifest import Manifest
from shared.results.models import Delivery


def has_been_applied(session: Session, manifest: Manifest, faults: FaultLog) -> bool:
    """Waits for imports of the same administration or delivery, then looks for its reference.

    The same reference with other content is a fault.
    """
    _lock(session, f"delivery {manifest.delivery_id}")
    _lock(session, f"administration {manifest.administration_id}")
    applied = select(Delivery.content_sha256).where(
        Delivery.reference == manifest.delivery_id, Delivery.status == "applied"
    )
    content = session.execute(applied).scalar_one_or_none()
    if content is None:
        return False
    if content == manifest.content_sha256:
        return True
    faults.add(
        Fault(
            "deliveryIdReused",
            "A delivery with this id and other content has been applied.",
            "Give every delivery an id of its own.",
            MANIFEST,
            column="deliveryId",
            value=showable(manifest.delivery_id),
        )
    )
    return False


def take_turn(session: Session, manifest: Manifest, faults: FaultLog) -> None:
    """Names a sequence that is not the next one; `has_been_applied` took the lock."""
    last = select(func.max(Delivery.sequence)).where(
        Delivery.administration_id == manifest.administration_id, Delivery.status == "applied"
    )
    expected = (session.execute(last).scalar_one() or 0) + 1
    if manifest.sequence != expected:
        faults.add(
            Fault(
                "sequenceNotNext",
                "The delivery is not the next one of its administration.",
                f"Deliver number {expected} first, or number this one {expected}.",
                MANIFEST,
                column="sequence",
                value=str(manifest.sequence),
            )
        )


def _lock(session: Session, subject: str) -> None:
    """Held until the transaction ends."""
    key = func.hashtextextended(f"toetsfeedback {subject}", 0)
    session.execute(select(func.pg_advisory_xact_lock(key)))
