"""Use cases of operators: plan settings, locations, slots, and the duties of viewing officers."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID

from sqlalchemy.orm import Session

from shared.access.decisions import record_change
from shared.access.requests import AccessRequest
from shared.core.clock import database_now, from_brussels
from shared.core.errors import Conflict, InvalidInput, MissingPermission, ResourceNotFound
from shared.core.paging import Page, PageSelection
from shared.core.unit_of_work import UnitOfWork
from shared.oauth.clients import service as clients
from shared.oauth.clients.rules import ClientKind
from shared.results.models import Administration
from shared.viewings import plan_repository as repository
from shared.viewings.models import ViewingDuty, ViewingLocation, ViewingSettings
from shared.viewings.plan_repository import SlotRow
from shared.viewings.rules import Period, PlannedDuty, PlannedSettings, periods_of_day


@dataclass(frozen=True, slots=True)
class PlannedDay:
    """A day of viewing at a location, in slots of `minutes` from its opening to its closing.

    The times are those of Brussels, without an offset.
    """

    administration_id: str
    location_id: UUID
    opens_at: datetime
    closes_at: datetime
    minutes: int
    capacity: int


def read_settings(session: Session, administration_id: str) -> ViewingSettings:
    """Return the settings; raise ResourceNotFound when the administration has none."""
    settings = repository.find_settings(session, administration_id)
    if settings is None:
        raise ResourceNotFound
    return settings


def replace_settings(
    unit: UnitOfWork, access: AccessRequest, administration_id: str, settings: PlannedSettings
) -> ViewingSettings:
    """Replace the settings of an administration; places that are taken stay taken.

    Raises:
        ResourceNotFound: when there is no such administration.
    """
    if unit.session.get(Administration, administration_id) is None:
        raise ResourceNotFound
    repository.replace_settings(unit.session, administration_id, settings)
    record_change(unit, access, access.action, "/v1/viewings/settings")
    return read_settings(unit.session, administration_id)


def add_location(
    unit: UnitOfWork, access: AccessRequest, name: str, address: str
) -> ViewingLocation:
    """Add a location.

    Raises:
        Conflict: when another location has this name.
    """
    location = repository.add_location(unit.session, name, address)
    if location is None:
        raise Conflict("locationExists", "A location has this name; choose another name.")
    record_change(unit, access, access.action, f"/v1/viewings/locations/{location.id}")
    return location


def list_locations(session: Session, selection: PageSelection) -> Page[ViewingLocation]:
    return repository.page_of_locations(session, selection)


def plan_day(unit: UnitOfWork, access: AccessRequest, planned: PlannedDay) -> Sequence[SlotRow]:
    """Add the slots of a day.

    Raises:
        InvalidInput: when the day has no slot, or one outside of the windows of test viewing, or
            the administration or the location is unknown.
        Conflict: when a slot of the location begins at the same moment.
    """
    session = unit.session
    if repository.find_settings(session, planned.administration_id) is None:
        raise InvalidInput("administration_id", detail="Set up its viewing settings first.")
    if repository.find_location(session, planned.location_id) is None:
        raise InvalidInput("location_id", detail="There is no such location.")
    periods = _require_periods(session, planned)
    added = repository.add_slots(
        session, planned.administration_id, planned.location_id, periods, planned.capacity
    )
    if added is None:
        raise Conflict(
            "slotExists",
            "A slot of this location begins at the same moment; change its capacity instead.",
        )
    record_change(unit, access, access.action, "/v1/viewings/days")
    return [read_slot(session, slot_id) for slot_id in added]


def list_slots(
    session: Session, administration_id: str | None, day: date | None, selection: PageSelection
) -> Page[SlotRow]:
    """Return a page of the slots by time; they tell how many places are left, and nobody's name."""
    return repository.page_of_slots(session, administration_id, day, selection)


def read_slot(session: Session, slot_id: UUID) -> SlotRow:
    """Return a slot; raise ResourceNotFound when there is none."""
    row = repository.find_slot(session, slot_id)
    if row is None:
        raise ResourceNotFound
    return row


def set_capacity(unit: UnitOfWork, access: AccessRequest, slot_id: UUID, capacity: int) -> SlotRow:
    """Change the capacity of a slot.

    Raises:
        ResourceNotFound: when there is no such slot.
        Conflict: when more places are taken.
    """
    read_slot(unit.session, slot_id)
    if not repository.set_capacity(unit.session, slot_id, capacity):
        raise Conflict(
            "placesTaken",
            "More places are taken than this capacity has; schools have to move or cancel first.",
        )
    record_change(unit, access, access.action, f"/v1/viewings/slots/{slot_id}")
    return read_slot(unit.session, slot_id)


def add_duty(unit: UnitOfWork, access: AccessRequest, planned: PlannedDuty) -> ViewingDuty:
    """Give a viewing officer the duty at a location on a day.

    One person alone does not let an officer see names and answers.

    Raises:
        MissingPermission: when the caller's person registered the officer's client.
        InvalidInput: when the client is neither that of an officer, nor a portal and the duty that
            of a person, or the location is unknown.
    """
    client = clients.find_registered(unit.session, str(planned.client_id))
    kind = ClientKind.OFFICER if planned.subject is None else ClientKind.PORTAL
    if client is None or client.kind != kind:
        what = "client of a viewing officer" if planned.subject is None else "portal"
        raise InvalidInput("client_id", detail=f"There is no such {what}.")
    person_id = clients.person_behind(unit.session, access.caller)
    if person_id is not None and client.registered_by == person_id:
        raise MissingPermission("You registered this client; another person has to give it a duty.")
    if repository.find_location(unit.session, planned.location_id) is None:
        raise InvalidInput("location_id", detail="There is no such location.")
    duty = repository.add_duty(unit.session, planned)
    record_change(unit, access, access.action, f"/v1/viewings/duties/{duty.id}")
    return duty


def list_duties(session: Session, day: date | None, selection: PageSelection) -> Page[ViewingDuty]:
    return repository.page_of_duties(session, day, selection)


def withdraw_duty(unit: UnitOfWork, access: AccessRequest, duty_id: UUID) -> None:
    """End a duty at once; a second request changes nothing.

    Raises:
        ResourceNotFound: when there is no such duty.
    """
    duty = repository.find_duty(unit.session, duty_id)
    if duty is None:
        raise ResourceNotFound
    if duty.withdrawn_at is None:
        duty.withdrawn_at = database_now(unit.session)
        record_change(unit, access, access.action, f"/v1/viewings/duties/{duty_id}")


def _require_periods(session: Session, planned: PlannedDay) -> list[Period]:
    if planned.opens_at.date() != (planned.closes_at - timedelta(seconds=1)).date():
        raise InvalidInput("closes_at", detail="Must be later, on the same day.")
    try:
        opens_at, closes_at = map(from_brussels, (planned.opens_at, planned.closes_at))
    except ValueError as error:
        raise InvalidInput("opens_at", detail=str(error)) from None
    periods = periods_of_day(opens_at, closes_at, planned.minutes)
    if not periods:
        raise InvalidInput("minutes", detail="The day is shorter than one slot.")
    for period in periods:
        if not repository.window_covers(session, planned.administration_id, period):
            raise InvalidInput(
                "opens_at",
                detail="No window of test viewing contains this day: plan the window first.",
            )
    return periods
