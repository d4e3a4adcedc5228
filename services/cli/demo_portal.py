"""The data of a portal to try: all three products released, and viewing planned from today on."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from operator import itemgetter
from typing import Any

import httpx

from embedded.data_directory import DataDirectory
from embedded.openid_provider.people import OFFICER_CODE, DefaultSchool
from embedded.portal_programs import PORTAL_CLIENT_ID
from services.cli.demo import ADMINISTRATION, OK, OPENS_IN, Demo, Example
from services.cli.release_steps import ReleaseClient
from shared.access.products import Product
from shared.access.rules import CallerKind
from shared.core.clock import BRUSSELS
from synthetic.plan import DeliveryPlan

CREATED = 201
STUDENTS_PER_SCHOOL, STUDENTS_PER_CLASS = 48, 24
"""With a student of two schools, the largest class group has 25."""
PLACES_TODAY, PLACES_LATER = 3, 8
HOURS_TODAY = timedelta(hours=8)
BEFORE_THE_BUILD = timedelta(minutes=5)
"""A moment that the plan has until everything is built: documents follow from the plan."""
VIEWING_DAYS = 21
MARGIN_MINUTES = 120
SHORTEST = timedelta(minutes=15)


class PortalDemo(Demo):
    """A demo whose data the pages of the portal show."""

    def load(self, schools: int) -> DefaultSchool:
        """Import, build and release a delivery; return a school to look at, with a class group."""
        self._submit(self._generate(schools))
        self._plan_products(BEFORE_THE_BUILD)
        self._compute()
        self._build(schools)
        example = self._choose()
        lead = OPENS_IN + 2 * timedelta(seconds=self.steps.completed[-1].seconds)
        openings = self._plan_products(lead)
        self._verify_and_approve(openings)
        self._open_release(openings)
        self._plan_viewing(example)
        school = self._token(CallerKind.SCHOOL, example.school_id)
        return DefaultSchool(example.school_id, self._largest_class(example.school_id, school))

    def _plan_of(self, schools: int) -> DeliveryPlan:
        return replace(
            super()._plan_of(schools),
            students_per_school=STUDENTS_PER_SCHOOL,
            students_per_class=STUDENTS_PER_CLASS,
        )

    def _plan_products(self, opens_in: timedelta) -> list[str]:
        """Plan all products for the same moment, and return the ids of their openings."""
        with self.steps.step("Plan the releases, each product with an opening") as notes:
            opens_at = datetime.now(BRUSSELS) + opens_in
            closes_at = opens_at + timedelta(days=VIEWING_DAYS)
            windows = [{"product": one, "opensAt": opens_at.isoformat()} for one in Product]
            for window in windows:
                if window["product"] == Product.TEST_VIEWING:
                    window["closesAt"] = closes_at.isoformat()
            with ReleaseClient.of(self._person(1)) as planner:
                planned = planner.replace_plan(ADMINISTRATION, {"windows": windows})
                changed = map(planner.opening, planned["changedOpenings"])
                openings = [str(one["id"]) for one in changed if one["state"] != "withdrawn"]
            notes.append(f"the first person plans them for {opens_at:%H:%M:%S}")
        return openings

    def _largest_class(self, school_id: str, school: httpx.Auth) -> str:
        """Return the class group with most fiches."""
        query: dict[str, str | int] = {"administrationId": ADMINISTRATION, "pageSize": 200}
        path = f"/v1/schools/{school_id}/handOverCounts"
        counts = self._expect(self.client.get(path, params=query, auth=school), OK).json()["items"]
        return str(max(counts, key=itemgetter("open"))["classGroup"])

    def _plan_viewing(self, example: Example) -> None:
        """Plan slots for today and for later, register students, and give the officer a duty."""
        with self.steps.step("Plan test viewing, and register students") as notes:
            settings = {"deadlineDays": 0, "marginMinutes": MARGIN_MINUTES}
            self._send("PUT", f"/v1/viewings/settings/{ADMINISTRATION}", settings, OK)
            place = {"name": "Belpairegebouw", "address": "Simon Bolivarlaan 17, 1000 Brussel"}
            location = self._send("POST", "/v1/viewings/locations", place, CREATED)["id"]
            slots = self._plan_days(location)
            wanted = [*[slots[0]] * PLACES_TODAY, slots[-1]]
            registered = list(self._register(example.school_id, wanted))
            notes.append(f"{len(slots)} slots, {len(registered)} registrations")
            keys = DataDirectory(self.data).keys
            duty = {"clientId": (keys / PORTAL_CLIENT_ID).read_text(), "subject": OFFICER_CODE}
            duty |= {"locationId": location, "day": f"{datetime.now(BRUSSELS):%Y-%m-%d}"}
            self._send("POST", "/v1/viewings/duties", duty, CREATED)

    def _plan_days(self, location: str) -> list[str]:
        """Return the ids of slots: those of today, if it is not too late, then of later days."""
        now = datetime.now(BRUSSELS) + timedelta(minutes=1)
        midnight = now.replace(hour=23, minute=59, second=0, microsecond=0)
        later = [now + timedelta(days=number) for number in (7, 8, 14)]
        days = [(day, "09:00", "16:30", 90, PLACES_LATER) for day in later]
        ends_at = min(midnight, now + HOURS_TODAY)
        if (left := ends_at - now) > SHORTEST:
            minutes = min(60, int(left.total_seconds()) // 60)
            days.insert(0, (now, f"{now:%H:%M}", f"{ends_at:%H:%M}", minutes, PLACES_TODAY))
        slots = []
        for day, opens_at, closes_at, minutes, capacity in days:
            planned = {"administrationId": ADMINISTRATION, "locationId": location}
            planned |= {"day": f"{day:%Y-%m-%d}", "opensAt": opens_at, "closesAt": closes_at}
            body = planned | {"minutes": minutes, "capacity": capacity}
            made = self._send("POST", "/v1/viewings/days", body, CREATED)
            slots += [str(one["id"]) for one in made["items"]]
        return slots

    def _register(self, school_id: str, slots: Iterable[str]) -> Iterable[str]:
        """Register a student who can see something for each slot; yield the ids."""
        school = self._token(CallerKind.SCHOOL, school_id)
        query: dict[str, str | int] = {"administrationId": ADMINISTRATION, "pageSize": 100}
        listed = self.client.get(f"/v1/schools/{school_id}/students", params=query, auth=school)
        students = iter(self._expect(listed, OK).json()["items"])
        for slot in slots:
            for student in students:
                body = {"studentId": student["id"], "slotId": slot}
                made = self.client.post("/v1/viewings/registrations", json=body, auth=school)
                if made.status_code == CREATED:
                    yield str(made.json()["id"])
                    break

    def _send(self, method: str, path: str, body: dict[str, Any], status: int) -> dict[str, Any]:
        """Send a request as an operator, and return the JSON object of its response."""
        response = self.client.request(method, path, json=body, auth=self.operator)
        return dict(self._expect(response, status).json())
