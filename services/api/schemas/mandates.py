"""JSON of mandates."""

from datetime import date
from typing import Annotated, Self
from uuid import UUID

from pydantic import Field, field_validator

from services.api.http.links import Links
from services.api.schemas.model import (
    PLAIN_TEXT,
    SCHOOL_ID,
    Answer,
    GivenDate,
    Instant,
    Link,
    Page,
    RequestBody,
)
from shared.access.products import MANDATE_PRODUCTS, MandateProduct
from shared.mandates.service import MandatePlan, MandateView

_CLIENT = "Client id of the integrator."
_FROM = "The first day, in Brussels."
_UNTIL = "The last day, in Brussels."


class NewMandate(RequestBody):
    """What the caller's school shares with an integrator; it names no school, for it has one."""

    client_id: Annotated[
        str, Field(min_length=1, max_length=128, pattern=PLAIN_TEXT, description=_CLIENT)
    ]
    products: Annotated[list[MandateProduct], Field(min_length=1, max_length=len(MANDATE_PRODUCTS))]
    from_: Annotated[
        GivenDate | None, Field(alias="from", description=f"{_FROM[:-1]}; today when absent.")
    ] = None
    until: Annotated[GivenDate, Field(description=_UNTIL)]
    purpose: Annotated[
        str,
        Field(
            min_length=1,
            max_length=200,
            pattern=PLAIN_TEXT,
            description="What it is for; it should name no person.",
            examples=["Levels in the digital report book"],
        ),
    ]

    @field_validator("products")
    @classmethod
    def _name_each_once(cls, value: list[MandateProduct]) -> list[MandateProduct]:
        if len(set(value)) < len(value):
            raise ValueError("Name each product once.")
        return value

    def plan(self) -> MandatePlan:
        return MandatePlan(
            client=self.client_id,
            products=self.products,
            from_on=self.from_,
            until_on=self.until,
            purpose=self.purpose,
        )


class MandateChange(RequestBody):
    """Shortens a mandate; nothing else of it changes."""

    until: Annotated[GivenDate, Field(description=f"{_UNTIL[:-1]}; not later than it was.")]


class Mandate(Answer):
    """What a school shares with an integrator, from when until when."""

    href: Link
    id: UUID
    school_id: Annotated[str, Field(pattern=SCHOOL_ID)]
    client_id: Annotated[str, Field(description=_CLIENT)]
    products: list[str]
    from_: Annotated[date, Field(alias="from", description=_FROM)]
    until: Annotated[date, Field(description=_UNTIL)]
    purpose: str
    state: Annotated[
        str,
        Field(description="By the service's clock: `planned`, `inForce`, `expired` or `revoked`."),
    ]
    revoked_at: Annotated[Instant | None, Field(description="It ended at this moment.")] = None
    version: Annotated[int, Field(ge=1, description="Counts its changes, from 1.")]
    updated_at: Instant

    @classmethod
    def of(cls, view: MandateView, links: Links) -> Self:
        mandate = view.mandate
        return cls(
            href=links.mandate(mandate.id),
            id=mandate.id,
            school_id=mandate.school_id,
            client_id=mandate.client,
            products=mandate.products,
            from_=mandate.from_on,
            until=mandate.until_on,
            purpose=mandate.purpose,
            state=view.state.value,
            revoked_at=mandate.revoked_at,
            version=mandate.version,
            updated_at=mandate.decided_at,
        )


class MandatePage(Page):
    items: list[Mandate]
