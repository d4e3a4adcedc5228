"""JSON of what operators plan for test viewing: settings, locations, slots and duties."""

from datetime import date, datetime, time
from typing import Annotated, Self
from uuid import UUID

from pydantic import Field

from services.api.http.links import Links
from services.api.schemas.model import (
    AdministrationId,
    Link,
    Page,
    RequestBody,
    RequestDate,
    RequestUuid,
    ResponseDateTime,
    ResponseModel,
)
from shared.core.plain_text import PLAIN_TEXT
from shared.viewings import models
from shared.viewings.plan_repository import SlotRow
from shared.viewings.planning import PlannedDay
from shared.viewings.rules import PlannedDuty, PlannedSettings

_TIME = r"^([01][0-9]|2[0-3]):[0-5][0-9]$"
_QUOTA = "Places that a school can have on one day; as many as there are when absent."
_DEADLINE = "Days before the day of a slot with which registration ends."
_MARGIN = "Minutes that a visit may begin before its slot, and end after it."
_RETENTION = "Days after the release window when registrations are deleted."
_OFFER = "Hours in which a school has to accept a place that the waiting list offers."
_SUBJECT = "The person whose duty it is, as the identity provider of the portal identifies them."
_PERSON = "a1b2c3"
_CAPACITY = "The number of students who can see their tests at the same time."


class NewViewingSettings(RequestBody):
    """The settings of the test viewing of an administration."""

    companions: Annotated[int, Field(ge=0, le=9, description="Companions of a student.")] = 1
    deadline_days: Annotated[int, Field(ge=0, le=60, description=_DEADLINE)] = 3
    margin_minutes: Annotated[int, Field(ge=0, le=120, description=_MARGIN)] = 15
    school_quota: Annotated[int | None, Field(ge=1, le=10_000, description=_QUOTA)] = None
    offer_hours: Annotated[int, Field(ge=1, le=720, description=_OFFER)] = 24
    retention_days: Annotated[int, Field(ge=1, le=366, description=_RETENTION)] = 30

    def planned(self) -> PlannedSettings:
        return PlannedSettings(**self.model_dump())


class ViewingSettings(ResponseModel):
    """The settings of the test viewing of an administration."""

    administration_id: str
    companions: int
    deadline_days: Annotated[int, Field(description=_DEADLINE)]
    margin_minutes: Annotated[int, Field(description=_MARGIN)]
    school_quota: Annotated[int | None, Field(description=_QUOTA)] = None
    offer_hours: Annotated[int, Field(description=_OFFER)]
    retention_days: Annotated[int, Field(description=_RETENTION)]

    @classmethod
    def of(cls, settings: models.ViewingSettings) -> Self:
        return cls(**{name: getattr(settings, name) for name in cls.model_fields})


class NewViewingLocation(RequestBody):
    """A place where students can see their own test."""

    name: Annotated[str, Field(min_length=1, max_length=200, pattern=PLAIN_TEXT)]
    address: Annotated[str, Field(min_length=1, max_length=300, pattern=PLAIN_TEXT)]


class ViewingLocation(ResponseModel):
    """A place where students can see their own test."""

    id: UUID
    name: Annotated[str, Field(examples=["Marie-Elisabeth Belpairegebouw"])]
    address: Annotated[str, Field(examples=["Simon Bolivarlaan 17, 1000 Brussel"])]

    @classmethod
    def of(cls, location: models.ViewingLocation) -> Self:
        return cls(id=location.id, name=location.name, address=location.address)


class ViewingLocationPage(Page):
    items: list[ViewingLocation]


class NewViewingDay(RequestBody):
    """A day of test viewing at a location, from its opening to its closing in equal slots."""

    administration_id: AdministrationId
    location_id: RequestUuid
    day: Annotated[RequestDate, Field(description="The day, in Brussels.")]
    opens_at: Annotated[str, Field(pattern=_TIME, description="Time in Brussels, as 09:00.")]
    closes_at: Annotated[str, Field(pattern=_TIME, description="Time in Brussels, as 16:30.")]
    minutes: Annotated[int, Field(ge=5, le=480, description="Length of a slot.")] = 90
    capacity: Annotated[int, Field(ge=1, le=10_000, description=_CAPACITY)]

    def planned(self) -> PlannedDay:
        times = [time.fromisoformat(text) for text in (self.opens_at, self.closes_at)]
        opens_at, closes_at = (datetime.combine(self.day, local) for local in times)
        return PlannedDay(
            administration_id=self.administration_id,
            location_id=self.location_id,
            opens_at=opens_at,
            closes_at=closes_at,
            minutes=self.minutes,
            capacity=self.capacity,
        )


class ViewingSlot(ResponseModel):
    """A period at a location; it tells how many places are left, and not who has the others."""

    href: Link
    id: UUID
    administration_id: str
    location: ViewingLocation
    day: Annotated[date, Field(description="The day, in Brussels.")]
    starts_at: ResponseDateTime
    ends_at: ResponseDateTime
    capacity: Annotated[int, Field(description=_CAPACITY)]
    places_left: Annotated[int, Field(ge=0, description="0 when it is full.")]

    @classmethod
    def of(cls, row: SlotRow, links: Links) -> Self:
        slot, location = row
        return cls(
            href=links.viewing_slot(slot.id),
            id=slot.id,
            administration_id=slot.administration_id,
            location=ViewingLocation.of(location),
            day=slot.day,
            starts_at=slot.starts_at,
            ends_at=slot.ends_at,
            capacity=slot.capacity,
            places_left=slot.capacity - slot.taken,
        )


class ViewingSlotPage(Page):
    items: list[ViewingSlot]


class ViewingDay(ResponseModel):
    """The slots that were added for a day."""

    items: list[ViewingSlot]


class ViewingSlotPatch(RequestBody):
    """The new capacity of a slot."""

    capacity: Annotated[int, Field(ge=0, le=10_000, description=_CAPACITY)]


class NewViewingDuty(RequestBody):
    """The duty of a viewing officer: one location on one day."""

    client_id: Annotated[
        RequestUuid,
        Field(description="A client of kind `officer`; with a `subject` one of kind `portal`."),
    ]
    subject: Annotated[
        str | None,
        Field(pattern="^[A-Za-z0-9_-]{1,128}$", description=_SUBJECT, examples=[_PERSON]),
    ] = None
    location_id: RequestUuid
    day: Annotated[RequestDate, Field(description="The day, in Brussels.")]

    def planned(self) -> PlannedDuty:
        return PlannedDuty(**self.model_dump())


class ViewingDuty(ResponseModel):
    """The duty of a viewing officer; without it, the officer sees nobody."""

    id: UUID
    client_id: UUID
    subject: Annotated[str | None, Field(description=_SUBJECT, examples=[_PERSON])] = None
    location_id: UUID
    day: date

    @classmethod
    def of(cls, duty: models.ViewingDuty) -> Self:
        return cls(**{name: getattr(duty, name) for name in cls.model_fields})


class ViewingDutyPage(Page):
    items: list[ViewingDuty]
