"""Test viewing as pages: register, wait, move, accept, cancel, and the files to take along."""

import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from uuid import UUID, uuid4

import pytest
from sqlalchemy import delete, insert, select

from services.portal.pages import load_texts
from shared.core.clock import database_now
from shared.core.database import Sessions
from shared.core.unit_of_work import UnitOfWork
from shared.storage.store import Storage
from shared.viewings.models import ViewingConfirmation, ViewingLocation, ViewingRegistration
from shared.viewings.rules import RegistrationState
from tests.api.seeding import OTHER, Seeded
from tests.portal.conftest import Person
from tests.portal.seeding import REGISTRATION, count_registrations
from tests.viewings.seeding import Viewing

PAGE = "/inzage"
TEXTS = load_texts()["viewing"]
PDF = b"%PDF-confirmation"


@pytest.fixture
def viewing(sessions: Sessions, seeded: Seeded) -> Iterator[Viewing]:
    """Return the slots; registrations that a test makes are removed at its end."""
    with UnitOfWork(sessions) as unit:
        location = unit.session.scalars(select(ViewingLocation.id)).one()
    yield Viewing(sessions, seeded, location)
    with UnitOfWork(sessions) as unit:
        made = ViewingRegistration.id != REGISTRATION
        unit.session.execute(delete(ViewingRegistration).where(made))


def form(viewing: Viewing, slot: UUID, label: str = "second", **fields: str) -> dict[str, str]:
    student = str(viewing.seeded.students[label])
    return {"afname": "2024", "leerling": student, "moment": str(slot), **new_key(), **fields}


def new_key() -> dict[str, str]:
    return {"sleutel": str(uuid4())}


def register(person: Person, sent: dict[str, str]) -> str:
    """Send the form of a registration and return the page that follows."""
    done = person.post(f"{PAGE}/inschrijven", sent)
    assert (done.status_code, done.headers["Location"]) == (303, f"{PAGE}?afname=2024")
    return person.get(PAGE).text


def made_for(sessions: Sessions, slot: UUID) -> ViewingRegistration:
    with UnitOfWork(sessions) as unit:
        query = select(ViewingRegistration).where(ViewingRegistration.slot_id == slot)
        return unit.session.scalars(query).one()


@pytest.mark.usefixtures("open_now")
def test_student_is_found_registered_once_and_shown(
    visitor: Person, viewing: Viewing, sessions: Sessions
) -> None:
    visitor.sign_on("secretary")
    slot = viewing.slot(1)
    found = visitor.post(f"{PAGE}/zoeken", {"afname": "2024", "leerling": "'\"><img"})
    student = viewing.seeded.students["second"]
    assert f"leerling={student}" in found.text
    choice = visitor.get(f"{PAGE}/moment?afname=2024&leerling={student}").text
    assert f'value="{slot}"' in choice
    key = re.search(r'name="sleutel" value="([^"]+)"', choice)
    assert key is not None
    sent = form(viewing, slot, begeleiders="1", sleutel=key[1])
    before = count_registrations(sessions, RegistrationState.CONFIRMED)
    page = register(visitor, sent)
    assert TEXTS["registered"] in page
    assert "&#39;&#34;&gt;&lt;img src=x&gt;" in page
    assert TEXTS["registered"] in register(visitor, sent)
    assert count_registrations(sessions, RegistrationState.CONFIRMED) == before + 1
    assert made_for(sessions, slot).companions == 1


@pytest.mark.usefixtures("open_now")
def test_refusals_say_in_words_what_to_do(head: Person, viewing: Viewing) -> None:
    slot = viewing.slot(1)
    assert TEXTS["registered"] in register(head, form(viewing, slot))
    assert TEXTS["alreadyRegistered"] in register(head, form(viewing, viewing.slot(1)))
    assert TEXTS["slotFull"] in register(head, form(viewing, slot, "third"))
    assert TEXTS["resourceNotFound"] in register(head, form(viewing, viewing.slot(1), "third"))
    closed = viewing.slot(1, starts_at=database_moment(viewing) + timedelta(hours=3))
    assert TEXTS["registrationClosed"] in register(head, form(viewing, closed, "third"))
    assert TEXTS["full"] in head.get(PAGE).text


@pytest.mark.usefixtures("open_now")
@pytest.mark.parametrize("companions", ["9" * 5_000, "9" * 9, "\N{ARABIC-INDIC DIGIT NINE}" * 10])
def test_too_many_companions_are_refused(head: Person, viewing: Viewing, companions: str) -> None:
    refused = head.post(
        f"{PAGE}/inschrijven", form(viewing, viewing.slot(1), begeleiders=companions)
    )
    assert refused.status_code == 400


def database_moment(viewing: Viewing) -> datetime:
    with UnitOfWork(viewing.sessions) as unit:
        return database_now(unit.session)


@pytest.mark.usefixtures("open_now")
def test_waiting_registration_is_offered_a_place_and_accepts_it(
    head: Person, viewing: Viewing, sessions: Sessions
) -> None:
    full = viewing.slot(0)
    assert TEXTS["waits"] in register(head, form(viewing, full, wachten="ja"))
    registration = made_for(sessions, full)
    assert registration.state == RegistrationState.WAITING
    viewing_with_place = viewing.slot(1)
    moved = {"afname": "2024", "inschrijving": str(registration.id)}
    head.post(f"{PAGE}/verplaatsen", moved | {"moment": str(viewing_with_place)})
    assert TEXTS["moved"] in head.get(PAGE).text
    until = database_moment(viewing) + timedelta(hours=2)
    viewing.change(str(registration.id), state="offered", offer_expires_at=until)
    assert TEXTS["accept"] in head.get(PAGE).text
    head.post(f"{PAGE}/aanvaarden", moved)
    assert TEXTS["accepted"] in head.get(PAGE).text
    head.post(f"{PAGE}/afzeggen", moved)
    assert TEXTS["cancelled"] in head.get(PAGE).text
    head.post(f"{PAGE}/verplaatsen", moved | {"moment": str(viewing.slot(1))})
    assert TEXTS["registrationEnded"] in head.get(PAGE).text


@pytest.mark.usefixtures("open_now")
def test_confirmation_and_calendar_are_downloaded(
    head: Person, sessions: Sessions, storage: Storage
) -> None:
    confirmation = f"{PAGE}/bevestiging/{REGISTRATION}"
    assert head.get(confirmation).status_code == 503
    storage.put("confirmation", PDF)
    values = {"registration_id": REGISTRATION, "school_id": "000028", "version": 1}
    values |= {"storage_key": "confirmation", "byte_size": len(PDF), "sha256": b"\3" * 32}
    with UnitOfWork(sessions) as unit:
        unit.session.execute(insert(ViewingConfirmation).values(values))
    downloaded = head.get(confirmation)
    assert downloaded.content == PDF
    assert downloaded.headers["Content-Disposition"].startswith("attachment")
    assert head.get(f"{PAGE}/agenda/{REGISTRATION}").text.startswith("BEGIN:VCALENDAR")


@pytest.mark.usefixtures("open_now")
def test_other_school_and_other_roles_see_no_registration(visitor: Person) -> None:
    visitor.sign_on("head", OTHER)
    assert "Familie" not in visitor.get(PAGE).text
    assert str(REGISTRATION) not in visitor.get(PAGE).text
    for path in (f"moment?inschrijving={REGISTRATION}", f"agenda/{REGISTRATION}"):
        assert visitor.get(f"{PAGE}/{path}").status_code == 404
    visitor.sign_on("teacher", class_group="4A")
    assert visitor.get(PAGE).status_code == 403
    assert PAGE not in visitor.get("/").text


@pytest.mark.usefixtures("open_now")
@pytest.mark.parametrize("path", ["moment?leerling=x", "moment?inschrijving=../slots", "moment"])
def test_made_up_ids_reach_no_other_path_of_the_api(head: Person, path: str) -> None:
    assert head.get(f"{PAGE}/{path}").status_code == 404


@pytest.mark.usefixtures("open_now")
def test_day_of_the_slots_is_chosen_when_there_are_more(head: Person, viewing: Viewing) -> None:
    now = database_moment(viewing)
    for number in range(100):
        viewing.slot(1, starts_at=now + timedelta(days=20, seconds=number))
    assert 'name="dag"' in head.get(PAGE).text
    last = viewing.slot(1, starts_at=now + timedelta(days=25))
    day = (now + timedelta(days=25)).date()
    chosen = head.get(f"{PAGE}/moment?inschrijving={REGISTRATION}&dag={day}")
    assert re.findall(r'name="moment" value="([^"]+)"', chosen.text) == [str(last)]
    assert len(head.get(PAGE).content) <= 60_000
