"""The events of corrections: of the schools whose released results a delivery changed."""

from collections.abc import Callable
from time import sleep
from uuid import UUID

import pytest
from sqlalchemy import delete, insert, select, text

from shared.access.products import Product
from shared.core.database import Sessions
from shared.core.unit_of_work import UnitOfWork
from shared.deliveries.models import Delivery
from shared.documents.rebuilds.models import RebuildRequest
from tests.api.seeding import ADMINISTRATION, OTHER, SCHOOL, Seeded
from tests.changes.conftest import HOUR, SOON, Event, Reader, Release, events_of
from tests.releasing import add_recall

PRODUCT = Product.STUDENT_FEEDBACK
RECORD = text("select record_corrections(:delivery, :schools, :components)")


def delivery_of(unit: UnitOfWork) -> UUID:
    values = {"status": "applied", "received_from": "tests", "administration_id": ADMINISTRATION}
    return unit.session.execute(
        insert(Delivery).values(**values).returning(Delivery.id)
    ).scalar_one()


def correct(unit: UnitOfWork, seeded: Seeded, **changed: str) -> UUID:
    """Record the correction of one component per school, by number of the school after an `s`."""
    delivery = delivery_of(unit)
    components = [seeded.components[code.replace("_", "-")] for code in changed.values()]
    schools = [number.removeprefix("s") for number in changed]
    values = {"delivery": delivery, "schools": schools, "components": components}
    unit.session.execute(RECORD, values)
    return delivery


@pytest.fixture
def reader(reader_of: Callable[..., Reader]) -> Reader:
    return reader_of()


def test_a_correction_of_what_is_not_released_has_no_event(
    release: Release, sessions: Sessions, seeded: Seeded, reader: Reader
) -> None:
    release.opens_in(HOUR)
    with UnitOfWork(sessions) as unit:
        correct(unit, seeded, **{f"s{SCHOOL}": "LO4-LEZ"})
    assert events_of(reader) == []


def test_each_school_with_a_released_correction_has_an_event(
    release: Release, sessions: Sessions, seeded: Seeded, reader: Reader
) -> None:
    release.opened()
    with UnitOfWork(sessions) as unit:
        changed = {f"s{SCHOOL}": "LO4-LEZ", f"s{OTHER}": "SO2A-KAL"}
        delivery = correct(unit, seeded, **changed)
        assert events_of(reader) == [], "not committed"
    assert events_of(reader) == [Event(1, "corrected", SCHOOL, PRODUCT, delivery)]


def test_a_correction_of_a_recalled_school_has_no_event(
    release: Release, sessions: Sessions, seeded: Seeded, reader: Reader
) -> None:
    release.opened()
    with UnitOfWork(sessions) as unit:
        add_recall(unit.session, ADMINISTRATION, PRODUCT, school_id=SCHOOL)
    with UnitOfWork(sessions) as unit:
        correct(unit, seeded, **{f"s{SCHOOL}": "LO4-LEZ", f"s{OTHER}": "SO2A-LEZ"})
    assert [event.school_id for event in events_of(reader)] == [OTHER]


def test_a_correction_that_commits_after_an_opening_has_an_event(
    release: Release, sessions: Sessions, seeded: Seeded, reader: Reader
) -> None:
    release.opens_in(SOON)
    with UnitOfWork(sessions) as unit:
        correct(unit, seeded, **{f"s{SCHOOL}": "LO4-LEZ"})
        sleep(SOON.total_seconds() + 0.1)
    assert [event.kind for event in events_of(reader)] == ["corrected"]


def test_a_delivery_that_commits_after_an_opening_requests_rebuilds(
    release: Release, sessions: Sessions
) -> None:
    release.opens_in(SOON)
    with UnitOfWork(sessions) as unit:
        of = {"administration": ADMINISTRATION, "schools": [SCHOOL]}
        unit.session.execute(text("select request_rebuilds(:administration, :schools)"), of)
        sleep(SOON.total_seconds() + 0.1)
    with UnitOfWork(sessions) as unit:
        assert unit.session.scalars(select(RebuildRequest.school_id)).all() == [SCHOOL]
        unit.session.execute(delete(RebuildRequest))
