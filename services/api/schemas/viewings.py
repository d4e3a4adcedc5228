"""JSON of registrations for test viewing: without results, and without the code of the desk."""

from typing import Annotated, Literal, Self, get_args
from uuid import UUID

from pydantic import Field

from services.api.http.links import Links
from services.api.schemas.hand_overs import NamedStudent
from services.api.schemas.model import (
    Link,
    Page,
    RequestBody,
    RequestUuid,
    ResponseDateTime,
    ResponseModel,
)
from services.api.schemas.viewing_plans import ViewingLocation
from shared.viewings import service
from shared.viewings.repository import RegistrationRow
from shared.viewings.rules import RegistrationState

StateOfRegistration = Literal[
    RegistrationState.WAITING,
    RegistrationState.OFFERED,
    RegistrationState.CONFIRMED,
    RegistrationState.OPEN,
    RegistrationState.CLOSED,
    RegistrationState.CANCELLED,
    RegistrationState.EXPIRED,
    RegistrationState.ANNULLED,
]
"""Every member; unlike the enum, it is no schema of its own in the OpenAPI document."""

if get_args(StateOfRegistration) != tuple(RegistrationState):
    raise TypeError("the API does not list every state of a registration")

_STATE = (
    "`waiting`: on the waiting list of a full slot; `offered`: a place is kept until "
    "`offerExpiresAt`; `confirmed`; `open`: the student is at the desk; `closed`: the visit has "
    "ended; `cancelled`: by the school; `expired`: an offer or a wait that has ended; `annulled`: "
    "at the desk, with a `reason`."
)
_REASON = "`noShow`, `noIdentity` or `mistake`."


class NewRegistration(RequestBody):
    """A registration of one student for one slot."""

    student_id: RequestUuid
    slot_id: RequestUuid
    companions: Annotated[
        int, Field(ge=0, le=9, description="Number of persons who come with the student.")
    ] = 0
    wait_if_full: Annotated[
        bool, Field(description="Join the waiting list when the slot is full.")
    ] = False

    def wanted(self) -> service.NewRegistration:
        return service.NewRegistration(**self.model_dump())


class RegistrationMove(RequestBody):
    """The slot that a registration moves to."""

    slot_id: RequestUuid


class Registration(ResponseModel):
    """The registration of a student for test viewing."""

    href: Link
    id: UUID
    student: NamedStudent
    administration_id: str
    slot: Annotated[Link, Field(description="URL of the slot.")]
    location: ViewingLocation
    starts_at: ResponseDateTime
    ends_at: ResponseDateTime
    companions: Annotated[int, Field(description="Number of persons who come with the student.")]
    state: Annotated[str, Field(description=_STATE)]
    registered_at: ResponseDateTime
    offer_expires_at: Annotated[
        ResponseDateTime | None, Field(description="Accept the offered place before this moment.")
    ] = None
    reason: Annotated[str | None, Field(description=_REASON)] = None

    @classmethod
    def of(cls, row: RegistrationRow, links: Links) -> Self:
        registration, slot, location, student = row
        return cls(
            href=links.viewing_registration(registration.id),
            id=registration.id,
            student=NamedStudent(
                id=student.id,
                href=links.student(student.id),
                family_name=student.family_name,
                given_name=student.given_name,
            ),
            administration_id=registration.administration_id,
            slot=links.viewing_slot(slot.id),
            location=ViewingLocation.of(location),
            starts_at=slot.starts_at,
            ends_at=slot.ends_at,
            companions=registration.companions,
            state=registration.state,
            registered_at=registration.registered_at,
            offer_expires_at=registration.offer_expires_at,
            reason=registration.reason,
        )


class RegistrationPage(Page):
    items: list[Registration]
