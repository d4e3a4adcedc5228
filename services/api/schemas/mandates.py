"""JSON of mandates."""

from datetime import date
from typing import Annotated, Self
from uuid import UUID

from pydantic import Field, field_validator

from services.api.http.links import Links
from services.api.schemas.model import (
    SCHOOL_ID,
    Link,
    Page,
    RequestBody,
    RequestDate,
    RequestUuid,
    ResponseDateTime,
    ResponseModel,
)
from shared.access.products import MANDATE_PRODUCTS, MandateProduct
from shared.core.plain_text import PLAIN_TEXT
from shared.mandates.service import MandatePlan, MandateView

_CLIENT = "The `client_id` of the integrator."
_FROM = "The first day, in Brussels."
_UNTIL = "The last day, in Brussels."


class NewMandate(RequestBody):
    """A mandate to give; the school is that of the caller."""

    client_id: Annotated[RequestUuid, Field(description=_CLIENT)]
    products: Annotated[list[MandateProduct], Field(min_length=1, max_length=len(MANDATE_PRODUCTS))]
    from_: Annotated[
        RequestDate | None, Field(alias="from", description=f"{_FROM[:-1]}; today when absent.")
    ] = None
    until: Annotated[RequestDate, Field(description=_UNTIL)]
    purpose: Annotated[
        str,
        Field(
            min_length=1,
            max_length=200,
            pattern=PLAIN_TEXT,
            description="The purpose; do not name a person.",
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
            client=str(self.client_id),
            products=self.products,
            from_on=self.from_,
            until_on=self.until,
            purpose=self.purpose,
        )


class MandateChange(RequestBody):
    """A new last day of a mandate."""

    until: Annotated[
        RequestDate, Field(description=f"{_UNTIL[:-1]}; not later than the current one.")
    ]


class Mandate(ResponseModel):
    """A mandate: the products that a school shares with an integrator."""

    href: Link
    id: UUID
    school_id: Annotated[str, Field(pattern=SCHOOL_ID)]
    client_id: Annotated[str, Field(description=_CLIENT)]
    client_name: Annotated[
        str | None,
        Field(description="The registered name of the integrator.", examples=["School book"]),
    ] = None
    products: list[str]
    from_: Annotated[date, Field(alias="from", description=_FROM)]
    until: Annotated[date, Field(description=_UNTIL)]
    purpose: str
    state: Annotated[
        str,
        Field(
            description="`planned`, `inForce`, `expired` or `revoked`, by the clock of the service."
        ),
    ]
    revoked_at: Annotated[ResponseDateTime | None, Field(description="When it was revoked.")] = None
    version: Annotated[int, Field(ge=1, description="Number of the version, from 1.")]
    updated_at: ResponseDateTime

    @classmethod
    def of(cls, view: MandateView, links: Links) -> Self:
        mandate = view.mandate
        return cls(
            href=links.mandate(mandate.id),
            id=mandate.id,
            school_id=mandate.school_id,
            client_id=mandate.client,
            client_name=view.client_name,
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
