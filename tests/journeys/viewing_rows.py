"""Test viewing of one student today: a slot that runs now, an officer on duty, a confirmation."""

import time
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
from sqlalchemy import insert, select, update

from clients.python.proofs import ProofKey
from clients.python.token_auth import TokenAuth
from services.cli.identity import ClientIdentity
from services.cli.target import sessions_of, settings_for
from shared.core.clock import BRUSSELS
from shared.core.unit_of_work import UnitOfWork
from shared.viewings.codes import ViewingKey
from shared.viewings.models import ViewingConfirmation, ViewingRegistration, ViewingSlot
from tests.journeys.conftest import JOB_SECONDS, Instance

VIEWINGS = "/v1/viewings"


def register_officer(instance: Instance, operator: httpx.Client) -> tuple[str, httpx.Client]:
    """Register the client of a viewing officer; return its id, and a client with its tokens."""
    key = ProofKey()
    public = key.key.as_dict(private=False)
    new = {"name": "Balie", "kind": "officer", "scopes": ["viewings:desk"], "keys": [public]}
    made = operator.post("/v1/clients", json=new).json()
    identity = ClientIdentity(str(operator.base_url).rstrip("/"), made["id"], key)
    officer = instance.client()
    officer.auth = TokenAuth(identity.obtain_token, identity.proofs)
    return made["id"], officer


def prepare_viewing(
    instance: Instance, operator: httpx.Client, officer_id: str, student: str
) -> dict[str, str]:
    """Plan a viewing through the API, and register the student for a slot that runs now."""
    settings = settings_for(instance.data, "owner")
    key_file = instance.running().environment_of("worker")["TOETSFEEDBACK_VIEWING_KEY_FILE"]
    key = ViewingKey.read(instance.data / "keys" / key_file)
    today, registration = datetime.now(BRUSSELS), uuid4()
    midnight = today.replace(hour=0, minute=0, second=0, microsecond=0)
    operator.put(f"{VIEWINGS}/settings/2024", json={}).raise_for_status()
    place = operator.post(f"{VIEWINGS}/locations", json={"name": "Hal", "address": "Brussel"})
    location = place.json()["id"]
    planned = {"administrationId": "2024", "locationId": location, "capacity": 5}
    day = str(today.date() + timedelta(days=20))
    planned |= {"day": day, "opensAt": "09:00", "closesAt": "12:00"}
    running, future = operator.post(f"{VIEWINGS}/days", json=planned).json()["items"]
    on = {"clientId": officer_id, "locationId": location}
    duties = [
        operator.post(f"{VIEWINGS}/duties", json=on | {"day": one}).json()["id"]
        for one in (str(today.date()), day)
    ]
    with sessions_of(settings) as sessions, UnitOfWork(sessions) as unit:
        times = {"starts_at": midnight, "ends_at": midnight + timedelta(hours=23, minutes=59)}
        slot = update(ViewingSlot).where(ViewingSlot.id == UUID(running["id"]))
        unit.session.execute(slot.values(**times, day=today.date()))
        code = key.code_of(registration)
        values: dict[str, Any] = {"administration_id": "2024", "school_id": "000028"}
        values |= {"state": "confirmed"}
        values |= {"student_id": UUID(student), "slot_id": UUID(running["id"]), "id": registration}
        values |= {"companions": 0, "code_hash": key.hash_of(code)}
        unit.session.execute(insert(ViewingRegistration).values(values))
    _wait_for_confirmation(instance)
    return {
        "code": code,
        "dutyId": duties[1],
        "locationId": location,
        "officerId": officer_id,
        "registrationId": str(registration),
        "slotId": future["id"],
        "viewed": "LEZ4",
    }


def _wait_for_confirmation(instance: Instance) -> None:
    """Wait until a worker has made the PDF of the registration."""
    deadline = time.monotonic() + JOB_SECONDS
    with sessions_of(settings_for(instance.data, "owner")) as sessions:
        while time.monotonic() < deadline:
            with UnitOfWork(sessions) as unit:
                if unit.session.scalar(select(ViewingConfirmation.registration_id)):
                    return
            time.sleep(0.2)
    raise AssertionError("no worker made the confirmation")
