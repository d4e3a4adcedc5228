"""JSON of deliveries."""

from typing import Annotated, Any, Self
from uuid import UUID

from pydantic import Field

from services.api.http.links import Links
from services.api.schemas.model import Link, ResponseDateTime, ResponseModel
from shared.deliveries.models import Delivery as DeliveryRow


class Delivery(ResponseModel):
    """A submitted delivery and its report."""

    href: Link
    id: UUID
    status: Annotated[
        str,
        Field(
            description="`received` until it is processed, then `applied`, `refused`, or "
            "`unchanged` when it had been applied before.",
            examples=["applied"],
        ),
    ]
    reference: Annotated[str | None, Field(description="The `deliveryId` of its manifest.")] = None
    administration_id: str | None = None
    mode: str | None = None
    sequence: int | None = None
    received_from: Annotated[str, Field(description="Name of the client that submitted it.")]
    received_at: ResponseDateTime
    finished_at: ResponseDateTime | None = None
    report: Annotated[
        dict[str, Any],
        Field(
            description="Rows per file, warnings, changes, and every fault with its location and "
            "remedy. A result of a student with two enrolments counts once. A correction that does "
            "not fit the stored rows about students has one fault without "
            "a location, and the report of an applied correction counts the rows that it names. "
            "A full delivery that removes too many students has a fault `tooMuchRemoved`, unless "
            "its manifest has a sufficient `allowRemovals` (format 1.1). A student code that "
            "stands for somebody else has a fault `otherStudent`, unless `previous_insz` is the "
            "stored number (format 1.1)."
        ),
    ]

    @classmethod
    def of(cls, delivery: DeliveryRow, links: Links) -> Self:
        return cls(
            href=links.delivery(delivery.id),
            id=delivery.id,
            status=delivery.status,
            reference=delivery.reference,
            administration_id=delivery.administration_id,
            mode=delivery.mode,
            sequence=delivery.sequence,
            received_from=delivery.received_from,
            received_at=delivery.received_at,
            finished_at=delivery.finished_at,
            report=delivery.report,
        )
