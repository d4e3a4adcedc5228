"""JSON of successions."""

from typing import Annotated, Self
from uuid import UUID

from pydantic import Field

from services.api.http.links import Links
from services.api.schemas.model import (
    SCHOOL_ID,
    Link,
    Page,
    RequestBody,
    ResponseDateTime,
    ResponseModel,
)
from shared.schools.models import SuccessionConfirmation as ConfirmationRow
from shared.schools.successions import SuccessionState, SuccessionView

SuccessorId = Annotated[
    str, Field(pattern=SCHOOL_ID, description="The new number.", examples=["000028"])
]
PredecessorId = Annotated[
    str, Field(pattern=SCHOOL_ID, description="The old number.", examples=["000019"])
]


class NewSuccession(RequestBody):
    """Two schools, of which the `successorOf` of the first one names the other."""

    successor_id: SuccessorId
    predecessor_id: PredecessorId


class SuccessionConfirmation(ResponseModel):
    """The confirmation of a succession by a person."""

    person_id: UUID
    confirmed_at: ResponseDateTime
    expires_at: ResponseDateTime

    @classmethod
    def of(cls, row: ConfirmationRow) -> Self:
        return cls(
            person_id=row.person_id, confirmed_at=row.confirmed_at, expires_at=row.expires_at
        )


class Succession(ResponseModel):
    """A school that reads what another one got, once two persons have confirmed it."""

    href: Link
    id: UUID
    successor_id: SuccessorId
    predecessor_id: PredecessorId
    state: SuccessionState
    confirmations: list[SuccessionConfirmation]
    confirmed_at: Annotated[
        ResponseDateTime | None, Field(description="When it took effect, with two confirmations.")
    ] = None
    revoked_at: ResponseDateTime | None = None
    revoked_by: Annotated[UUID | None, Field(description="The person that revoked it.")] = None

    @classmethod
    def of(cls, view: SuccessionView, links: Links) -> Self:
        succession = view.succession
        return cls(
            href=links.succession(succession.id),
            id=succession.id,
            successor_id=succession.successor_id,
            predecessor_id=succession.predecessor_id,
            state=view.state,
            confirmations=[SuccessionConfirmation.of(one) for one in view.confirmations],
            confirmed_at=succession.confirmed_at,
            revoked_at=succession.revoked_at,
            revoked_by=succession.revoked_by,
        )


class SuccessionPage(Page):
    items: list[Succession]
