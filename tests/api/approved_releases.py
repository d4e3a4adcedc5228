"""A release by registered persons of a running API, of whom the first one plans."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import httpx
from sqlalchemy import update

from shared.core.database import Sessions
from shared.core.settings import Settings
from shared.core.unit_of_work import UnitOfWork
from shared.oauth.clients.models import Client
from shared.release_plans.manifest_signatures import ManifestKey
from shared.students.models import Student
from tests.api.operators import Operator
from tests.api.seeding import ADMINISTRATION
from tests.releasing import close_everything, shift_time, verify_opening

PLAN = f"/v1/releasePlans/{ADMINISTRATION}"
DAY, SOON = timedelta(days=1), timedelta(seconds=3)


class Release:
    """The release of the student feedback, by persons of whom the first one plans."""

    def __init__(self, sessions: Sessions, persons: Sequence[Operator], key: ManifestKey) -> None:
        self.sessions, self.persons, self.key = sessions, persons, key

    def plan(self, *windows: dict[str, Any], person: int = 0) -> httpx.Response:
        api = self.persons[person].api
        version = api.get(PLAN).headers["ETag"]
        return api.put(PLAN, json={"windows": windows}, headers={"If-Match": version})

    def planned(self, opens_in: timedelta = DAY) -> str:
        """Plan one opening, and return its id."""
        planned = self.plan(window(datetime.now(UTC) + opens_in))
        assert planned.status_code == 200, planned.text
        (opening,) = planned.json()["changedOpenings"]
        return str(opening)

    def verify(self, opening: str) -> str:
        with UnitOfWork(self.sessions) as unit:
            return verify_opening(unit.session, UUID(opening), self.key).hex()

    def approve(self, opening: str, manifest: str, person: int) -> httpx.Response:
        body = {"manifestHash": manifest}
        return self.persons[person].api.post(f"/v1/openings/{opening}/approve", json=body)

    def approved(self, opens_in: timedelta = DAY) -> str:
        """Plan, verify and approve an opening by two persons, and return its id."""
        opening = self.planned(opens_in)
        manifest = self.verify(opening)
        for person in (1, 2):
            assert self.approve(opening, manifest, person).status_code == 200
        assert self.state(opening) == ("ready", None)
        return opening

    def state(self, opening: str) -> tuple[str, str | None]:
        found = self.persons[0].api.get(f"/v1/openings/{opening}").json()
        return found["state"], found.get("blockedBy")

    def pass_time(self, time: timedelta) -> None:
        with UnitOfWork(self.sessions) as unit:
            shift_time(unit.session, time)


def window(opens_at: datetime, product: str = "studentFeedback", **scope: str) -> dict[str, Any]:
    return {"product": product, "opensAt": opens_at.isoformat()} | scope


def problem(response: httpx.Response) -> str:
    return str(response.json()["type"].rpartition(":")[2])


def change_a_student(sessions: Sessions, administration_id: str = ADMINISTRATION) -> None:
    with UnitOfWork(sessions) as unit:
        renamed = update(Student).where(Student.administration_id == administration_id)
        unit.session.execute(renamed.values(given_name=Student.given_name + "."))


@contextmanager
def planning(
    sessions: Sessions, persons: Sequence[Operator], settings: Settings
) -> Iterator[Release]:
    """Yield a release by the persons; remove what it added at the end."""
    key = ManifestKey.read_private(settings.require_file("manifest_key_file"))
    yield Release(sessions, persons, key)
    with UnitOfWork(sessions) as unit:
        close_everything(unit.session)
        unit.session.execute(update(Client).values(state="active"))
