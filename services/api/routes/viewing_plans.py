"""Operations on plans of test viewing: settings, locations, slots, and duties of officers."""

from services.api.dependencies import LinksDep, UnitDep
from services.api.operations.idempotency import IdempotencyDep
from services.api.operations.operation import operations
from services.api.operations.pagination import PageDep
from services.api.operations.parameters import (
    AdministrationPath,
    AdministrationQuery,
    DayQuery,
    DutyPath,
    SlotPath,
)
from services.api.operations.problem_responses import problems
from services.api.schemas.viewing_plans import (
    NewViewingDay,
    NewViewingDuty,
    NewViewingLocation,
    NewViewingSettings,
    ViewingDay,
    ViewingDuty,
    ViewingDutyPage,
    ViewingLocation,
    ViewingLocationPage,
    ViewingSettings,
    ViewingSlot,
    ViewingSlotPage,
    ViewingSlotPatch,
)
from services.api.security.permissions import ViewingPlansReader, ViewingsPlanner
from shared.viewings import planning

router = operations("viewings")


@router.get("/viewings/settings/{administrationId}")
def get_viewing_settings(
    administration_id: AdministrationPath, _: ViewingPlansReader, unit: UnitDep
) -> ViewingSettings:
    """Return the settings of the test viewing of an administration."""
    return ViewingSettings.of(planning.read_settings(unit.session, administration_id))


@router.put("/viewings/settings/{administrationId}")
def replace_viewing_settings(
    administration_id: AdministrationPath,
    settings: NewViewingSettings,
    access: ViewingsPlanner,
    unit: UnitDep,
) -> ViewingSettings:
    """Replace the settings of the test viewing of an administration.

    Places that are taken stay taken, also above a lower quota.
    """
    replaced = planning.replace_settings(unit, access, administration_id, settings.planned())
    return ViewingSettings.of(replaced)


@router.get("/viewings/locations")
def list_viewing_locations(
    _: ViewingPlansReader, unit: UnitDep, page: PageDep
) -> ViewingLocationPage:
    """List the locations of test viewing, by name."""
    found = planning.list_locations(unit.session, page.selection)
    items = [ViewingLocation.of(location) for location in found.rows]
    return ViewingLocationPage(items=items, **page.metadata(found))


@router.post("/viewings/locations", status_code=201, responses=problems("locationExists"))
def create_viewing_location(
    new: NewViewingLocation,
    access: ViewingsPlanner,
    unit: UnitDep,
    _idempotency: IdempotencyDep,
) -> ViewingLocation:
    """Add a location of test viewing."""
    return ViewingLocation.of(planning.add_location(unit, access, new.name, new.address))


@router.post("/viewings/days", status_code=201, responses=problems("slotExists"))
def create_viewing_day(
    new: NewViewingDay,
    access: ViewingsPlanner,
    unit: UnitDep,
    _idempotency: IdempotencyDep,
    links: LinksDep,
) -> ViewingDay:
    """Add the slots of a day at a location; a window of test viewing has to contain the day."""
    slots = planning.plan_day(unit, access, new.planned())
    return ViewingDay(items=[ViewingSlot.of(row, links) for row in slots])


@router.get("/viewings/slots")
def list_viewing_slots(
    _: ViewingPlansReader,
    unit: UnitDep,
    page: PageDep,
    links: LinksDep,
    administration_id: AdministrationQuery = None,
    day: DayQuery = None,
) -> ViewingSlotPage:
    """List the slots by time, with the number of places that are left."""
    found = planning.list_slots(unit.session, administration_id, day, page.selection)
    items = [ViewingSlot.of(row, links) for row in found.rows]
    return ViewingSlotPage(items=items, **page.metadata(found))


@router.get("/viewings/slots/{slotId}")
def get_viewing_slot(
    slot_id: SlotPath, _: ViewingPlansReader, unit: UnitDep, links: LinksDep
) -> ViewingSlot:
    """Return one slot, with the number of places that are left."""
    return ViewingSlot.of(planning.read_slot(unit.session, slot_id), links)


@router.patch("/viewings/slots/{slotId}", responses=problems("placesTaken"))
def change_viewing_slot(
    slot_id: SlotPath,
    change: ViewingSlotPatch,
    access: ViewingsPlanner,
    unit: UnitDep,
    links: LinksDep,
) -> ViewingSlot:
    """Change the capacity of a slot, not below the number of places that are taken."""
    slot = planning.set_capacity(unit, access, slot_id, change.capacity)
    return ViewingSlot.of(slot, links)


@router.get("/viewings/duties")
def list_viewing_duties(
    _: ViewingsPlanner, unit: UnitDep, page: PageDep, day: DayQuery = None
) -> ViewingDutyPage:
    """List the duties of viewing officers, by day."""
    found = planning.list_duties(unit.session, day, page.selection)
    items = [ViewingDuty.of(duty) for duty in found.rows]
    return ViewingDutyPage(items=items, **page.metadata(found))


@router.post("/viewings/duties", status_code=201)
def create_viewing_duty(
    new: NewViewingDuty,
    access: ViewingsPlanner,
    unit: UnitDep,
    _idempotency: IdempotencyDep,
) -> ViewingDuty:
    """Give a viewing officer the duty at a location on a day."""
    duty = planning.add_duty(unit, access, new.planned())
    return ViewingDuty.of(duty)


@router.delete("/viewings/duties/{dutyId}", status_code=204)
def withdraw_viewing_duty(duty_id: DutyPath, access: ViewingsPlanner, unit: UnitDep) -> None:
    """End a duty at once. A second request changes nothing."""
    planning.withdraw_duty(unit, access, duty_id)
