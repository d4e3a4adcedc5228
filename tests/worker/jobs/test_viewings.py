"""The tasks of the sweeper for test viewing: confirmations, waiting lists, and removal."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from uuid import UUID, uuid4

import pypdfium2
import pytest
import zxingcpp
from sqlalchemy import insert, select, text

from services.worker.jobs.viewings import (
    make_confirmations,
    remove_expired_viewings,
    settle_waiting_lists,
)
from shared.core.database import Sessions, open_engine, session_factory
from shared.core.settings import Settings
from shared.core.unit_of_work import UnitOfWork
from shared.storage.store import Storage
from shared.viewings.codes import ViewingKey
from shared.viewings.models import ViewingConfirmation, ViewingRegistration, ViewingSlot
from shared.viewings.rules import RegistrationState
from tests.api.seeding import ADMINISTRATION, SCHOOL, seed_schools
from tests.viewings.seeding import Viewing, seed_viewing, viewing_opened


@pytest.fixture(scope="module")
def rows(sessions: Sessions) -> Viewing:
    with UnitOfWork(sessions) as unit:
        seeded = seed_schools(unit.session)
    return seed_viewing(sessions, seeded)


@pytest.fixture
def viewing(sessions: Sessions, rows: Viewing) -> Iterator[Viewing]:
    with viewing_opened(sessions):
        yield rows
    rows.clear()


@pytest.fixture(scope="module")
def worker_sessions(settings_of: Callable[[str], Settings]) -> Iterator[Sessions]:
    engine = open_engine(settings_of("worker"), application_name="tests")
    yield session_factory(engine)
    engine.dispose()


@pytest.fixture(scope="module")
def key(settings: Settings) -> ViewingKey:
    return ViewingKey.read(settings.require_file("viewing_key_file"))


def register(viewing: Viewing, label: str, slot: UUID, state: str = "confirmed") -> UUID:
    registration_id = uuid4()
    values = {
        "id": registration_id,
        "administration_id": ADMINISTRATION,
        "school_id": SCHOOL,
        "student_id": viewing.seeded.students[label],
        "slot_id": slot,
        "state": state,
        "companions": 0,
        "code_hash": registration_id.bytes,
    }
    with UnitOfWork(viewing.sessions) as unit:
        unit.session.execute(insert(ViewingRegistration).values(values))
    return registration_id


def confirmation_of(viewing: Viewing, registration: UUID) -> ViewingConfirmation:
    with UnitOfWork(viewing.sessions) as unit:
        found = unit.session.get(ViewingConfirmation, registration)
        assert found is not None
        return found


def state_of(viewing: Viewing, registration: UUID) -> str:
    query = select(ViewingRegistration.state).where(ViewingRegistration.id == registration)
    with UnitOfWork(viewing.sessions) as unit:
        return unit.session.scalars(query).one()


def test_a_confirmation_is_made_once_for_each_version(
    viewing: Viewing, worker_sessions: Sessions, storage: Storage, key: ViewingKey
) -> None:
    registration = register(viewing, "first", viewing.slot())
    register(viewing, "second", viewing.slot(), "waiting")
    assert make_confirmations(worker_sessions, storage, key) == 1
    assert make_confirmations(worker_sessions, storage, key) == 0
    stored = confirmation_of(viewing, registration)
    pdf = storage.read(stored.storage_key)
    assert len(pdf) == stored.byte_size
    document = pypdfium2.PdfDocument(pdf)
    image = document[0].render(scale=2).to_numpy()
    code = key.code_of(registration)
    assert [one.text for one in zxingcpp.read_barcodes(image)] == [code]
    document.close()
    viewing.change(str(registration), slot_id=viewing.slot(), version=2)
    assert make_confirmations(worker_sessions, storage, key) == 1
    assert confirmation_of(viewing, registration).version == 2


def test_a_lost_confirmation_is_made_again(
    viewing: Viewing, worker_sessions: Sessions, storage: Storage, key: ViewingKey
) -> None:
    registration = register(viewing, "first", viewing.slot())
    make_confirmations(worker_sessions, storage, key)
    stored = confirmation_of(viewing, registration)
    storage.delete([stored.storage_key])
    with UnitOfWork(worker_sessions) as unit:
        remove_expired_viewings(unit, storage)
    assert make_confirmations(worker_sessions, storage, key) == 1
    assert storage.exists(stored.storage_key)


def test_a_worker_offers_free_places_in_order_of_registration(
    viewing: Viewing, worker_sessions: Sessions
) -> None:
    slot = viewing.slot(1)
    first, second = (register(viewing, one, slot, "waiting") for one in ("first", "second"))
    assert settle_waiting_lists(worker_sessions) == 1
    assert (state_of(viewing, first), state_of(viewing, second)) == ("offered", "waiting")
    assert settle_waiting_lists(worker_sessions) == 0
    viewing.change(str(first), state=RegistrationState.CANCELLED, offer_expires_at=None)
    assert settle_waiting_lists(worker_sessions) == 1
    assert state_of(viewing, second) == "offered"
    assert viewing.counts(slot) == (1, 1)


def test_a_school_at_its_quota_is_passed_over(viewing: Viewing, worker_sessions: Sessions) -> None:
    viewing.configure(school_quota=1)
    register(viewing, "third", viewing.slot(1))
    slot = viewing.slot(1)
    waiting = register(viewing, "first", slot, "waiting")
    assert settle_waiting_lists(worker_sessions) == 0
    viewing.configure(school_quota=2)
    assert settle_waiting_lists(worker_sessions) == 1
    assert state_of(viewing, waiting) == "offered"


def test_waits_end_with_registration(viewing: Viewing, worker_sessions: Sessions) -> None:
    waiting = register(viewing, "first", viewing.slot(0), "waiting")
    viewing.configure(deadline_days=20)
    assert settle_waiting_lists(worker_sessions) == 1
    assert state_of(viewing, waiting) == "expired"


def test_registrations_are_removed_some_days_after_their_window(
    viewing: Viewing, worker_sessions: Sessions, storage: Storage, key: ViewingKey
) -> None:
    slot = viewing.slot()
    registration = register(viewing, "first", slot)
    make_confirmations(worker_sessions, storage, key)

    def remove(days: int) -> int:
        ended = "update viewing_slots set day = day - :days, starts_at = starts_at - :span,"
        ended += " ends_at = ends_at - :span where id = :slot"
        with UnitOfWork(viewing.sessions) as unit:
            span = timedelta(days=days)
            unit.session.execute(text("set timezone = 'Europe/Brussels'"))
            unit.session.execute(text(ended), {"days": days, "span": span, "slot": slot})
        with UnitOfWork(worker_sessions) as unit:
            return remove_expired_viewings(unit, storage)

    assert remove(30) == 0
    assert remove(20) == 1
    with UnitOfWork(viewing.sessions) as unit:
        assert unit.session.get(ViewingRegistration, registration) is None
        assert unit.session.get(ViewingConfirmation, registration) is None
        assert unit.session.scalar(select(ViewingSlot.taken).where(ViewingSlot.id == slot)) == 0
