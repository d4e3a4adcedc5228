"""SQL of what operators plan for test viewing: settings, locations, slots and duties."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from datetime import date
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import Select, exists, func, insert, select
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from shared.access.products import Product
from shared.core.paging import ListOrder, Page, PageSelection, page_of_rows, page_of_scalars
from shared.releases.models import ReleaseWindow
from shared.viewings.models import ViewingDuty, ViewingLocation, ViewingSettings, ViewingSlot
from shared.viewings.rules import Period, PlannedDuty, PlannedSettings


class SlotRow(NamedTuple):
    """A slot with its location."""

    slot: ViewingSlot
    location: ViewingLocation


_BY_DAY = ListOrder(
    ViewingSlot.administration_id, ViewingSlot.starts_at, ViewingLocation.sort_key, ViewingSlot.id
)
_BY_NAME = ListOrder(ViewingLocation.sort_key, ViewingLocation.id)
_DUTIES = ListOrder(ViewingDuty.day, ViewingDuty.id)


def find_settings(session: Session, administration_id: str) -> ViewingSettings | None:
    return session.get(ViewingSettings, administration_id, populate_existing=True)


def replace_settings(session: Session, administration_id: str, settings: PlannedSettings) -> None:
    """Add or replace the settings of an administration."""
    values = asdict(settings)
    added = upsert(ViewingSettings).values(administration_id=administration_id, **values)
    session.execute(added.on_conflict_do_update(index_elements=["administration_id"], set_=values))


def add_location(session: Session, name: str, address: str) -> ViewingLocation | None:
    """Add a location; return None when the name is taken."""
    added = upsert(ViewingLocation).values(name=name, address=address).on_conflict_do_nothing()
    return session.scalar(added.returning(ViewingLocation))


def find_location(session: Session, location_id: UUID) -> ViewingLocation | None:
    return session.get(ViewingLocation, location_id)


def page_of_locations(session: Session, selection: PageSelection) -> Page[ViewingLocation]:
    """Return a page of the locations by name."""
    return page_of_scalars(session, select(ViewingLocation), _BY_NAME, selection)


def window_covers(session: Session, administration_id: str, period: Period) -> bool:
    """Return True when a planned window of test viewing contains the period."""
    window = ReleaseWindow
    covering = exists().where(
        window.administration_id == administration_id,
        window.product == Product.TEST_VIEWING,
        window.opens_at <= period.starts_at,
        func.coalesce(window.closes_at, period.ends_at) >= period.ends_at,
    )
    return bool(session.scalar(select(covering)))


def add_slots(
    session: Session,
    administration_id: str,
    location_id: UUID,
    periods: Iterable[Period],
    capacity: int,
) -> Sequence[UUID] | None:
    """Add a slot for each period; return their ids, or None when one begins as another does."""
    rows = [
        {
            "administration_id": administration_id,
            "location_id": location_id,
            "day": period.day,
            "starts_at": period.starts_at,
            "ends_at": period.ends_at,
            "capacity": capacity,
        }
        for period in periods
    ]
    try:
        with session.begin_nested():
            return session.scalars(insert(ViewingSlot).returning(ViewingSlot.id), rows).all()
    except IntegrityError:
        return None


def find_slot(session: Session, slot_id: UUID) -> SlotRow | None:
    query = _slots().where(ViewingSlot.id == slot_id)
    row = session.execute(query.execution_options(populate_existing=True)).one_or_none()
    return None if row is None else SlotRow._make(row)


def page_of_slots(
    session: Session,
    administration_id: str | None,
    day: date | None,
    selection: PageSelection,
) -> Page[SlotRow]:
    """Return a page of the slots, by time and location."""
    slots = _slots()
    if administration_id is not None:
        slots = slots.where(ViewingSlot.administration_id == administration_id)
    if day is not None:
        slots = slots.where(ViewingSlot.day == day)
    return page_of_rows(session, slots, _BY_DAY, selection).map(SlotRow._make)


def set_capacity(session: Session, slot_id: UUID, capacity: int) -> bool:
    """Set the capacity of a slot; return False when more places are taken."""
    try:
        with session.begin_nested():
            session.execute(select(func.set_viewing_capacity(slot_id, capacity)))
    except IntegrityError:
        return False
    return True


def add_duty(session: Session, planned: PlannedDuty) -> ViewingDuty:
    duty = insert(ViewingDuty).values(asdict(planned))
    return session.scalars(duty.returning(ViewingDuty)).one()


def find_duty(session: Session, duty_id: UUID) -> ViewingDuty | None:
    return session.get(ViewingDuty, duty_id)


def page_of_duties(
    session: Session, day: date | None, selection: PageSelection
) -> Page[ViewingDuty]:
    """Return a page of the duties that were not withdrawn, by day."""
    duties = select(ViewingDuty).where(ViewingDuty.withdrawn_at.is_(None))
    if day is not None:
        duties = duties.where(ViewingDuty.day == day)
    return page_of_scalars(session, duties, _DUTIES, selection)


def _slots() -> Select[ViewingSlot, ViewingLocation]:
    return select(ViewingSlot, ViewingLocation).join(
        ViewingLocation, ViewingLocation.id == ViewingSlot.location_id
    )
