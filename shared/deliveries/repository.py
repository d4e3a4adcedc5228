"""SQL on the deliveries table."""

from collections.abc import Sequence
from datetime import timedelta
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import bindparam, func, select, text
from sqlalchemy.orm import Session

from shared.deliveries.models import Delivery
from shared.jobs.rules import APPLY_DELIVERY

_LAST_APPLIED_SEQUENCE = select(func.max(Delivery.sequence)).where(
    Delivery.administration_id == bindparam("administration_id"), Delivery.status == "applied"
)

_RECORD_REFUSAL = text("""
    select append_audit_event(
        null, null, null, null, left('Delivered by ' || :client, 200), 'importDelivery',
        '/v1/deliveries/' || :delivery_id, 'refused', :rule, null
    )
""")

_COUNT_REFUSALS = """
    select count(*) from deliveries
    where {} = :of and status = 'refused' and finished_at > now() - interval '24 hours'
      and (report -> 'faultCounts') ? :kind
"""
_COUNT_REFUSALS_OF = {
    column: text(_COUNT_REFUSALS.format(column))
    for column in ("administration_id", "received_from")
}


_FORGET_UPLOADS = text("""
    update deliveries set storage_key = null
    where storage_key is not null and exists (
        select from jobs where kind = :kind and subject = deliveries.id::text
        having max(coalesce(finished_at, 'infinity')) < now() - :ended_before
    )
""")


class AppliedContent(NamedTuple):
    """The hash of the content of an applied delivery, and the client that submitted it."""

    client: str
    content_sha256: bytes | None


def add_delivery(session: Session, delivery: Delivery) -> Delivery:
    session.add(delivery)
    session.flush()
    return delivery


def find_delivery(session: Session, delivery_id: UUID) -> Delivery | None:
    return session.get(Delivery, delivery_id)


def find_delivery_for_update(session: Session, delivery_id: UUID) -> Delivery | None:
    """Return the delivery with its row locked until the transaction ends."""
    return session.get(Delivery, delivery_id, with_for_update=True, populate_existing=True)


def record_refusal(session: Session, delivery: Delivery, rule: str) -> None:
    """Append an audit event of a refused delivery, about no school.

    The database takes the caller from the login; the event also has the client that submitted it.
    """
    parameters = {"delivery_id": delivery.id, "client": delivery.received_from, "rule": rule}
    session.execute(_RECORD_REFUSAL, parameters)


def count_refusals(session: Session, administration_id: str, kind: str) -> int:
    """Return the number of deliveries with this kind of fault in the last 24 hours."""
    return _count_refusals(session, "administration_id", administration_id, kind)


def count_refusals_of_client(session: Session, received_from: str, kind: str) -> int:
    """Return the number of deliveries of a client with this kind of fault in 24 hours."""
    return _count_refusals(session, "received_from", received_from, kind)


def _count_refusals(session: Session, column: str, of: str, kind: str) -> int:
    parameters = {"of": of, "kind": kind}
    return int(session.execute(_COUNT_REFUSALS_OF[column], parameters).scalar_one())


def find_applied(session: Session, reference: str) -> AppliedContent | None:
    """Return the client and the content hash of the applied delivery with this reference."""
    query = select(Delivery.received_from, Delivery.content_sha256).where(
        Delivery.reference == reference, Delivery.status == "applied"
    )
    row = session.execute(query).one_or_none()
    return None if row is None else AppliedContent._make(row)


def last_applied_sequence(session: Session, administration_id: str) -> int:
    """Return the highest sequence number applied to the administration, 0 if there is none."""
    parameters = {"administration_id": administration_id}
    return session.scalar(_LAST_APPLIED_SEQUENCE, parameters) or 0


def forget_uploads(session: Session, ended_before: timedelta) -> None:
    """Forget the uploads of deliveries of which every job has ended, the last one that long ago."""
    session.execute(_FORGET_UPLOADS, {"kind": APPLY_DELIVERY, "ended_before": ended_before})


def pending_uploads(session: Session, storage_keys: Sequence[str]) -> set[str]:
    """Return those of the storage keys whose delivery can still be applied."""
    query = select(Delivery.storage_key).where(Delivery.storage_key.in_(storage_keys))
    return {key for key in session.scalars(query) if key is not None}
