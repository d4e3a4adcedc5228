"""Test viewing: slots with places, and the registrations of the school; never right or wrong."""

from datetime import datetime
from typing import Any
from urllib.parse import urlencode
from uuid import uuid4

from starlette.responses import Response

from clients.python.errors import ApiRefusal
from services.portal.pages import BRUSSELS
from services.portal.views.downloads import pass_on
from services.portal.visits import Visit

PAGE = "/inzage"
REGISTRATIONS = "/v1/viewings/registrations"
MAX_SLOTS = 100
MAX_DIGITS = 9
"""Of the number of companions; the API refuses far smaller ones by their value."""
CHANGEABLE = ("waiting", "offered", "confirmed")
LIVE = (*CHANGEABLE, "open")
WITH_CONFIRMATION = ("confirmed", "open", "closed")
REFUSALS = {
    *("slotFull", "quotaReached", "alreadyRegistered", "registrationClosed"),
    *("registrationEnded", "offerExpired", "resourceNotFound"),
}
"""Refusals of the API that the page explains in a sentence."""


def show_viewing(visit: Visit) -> Response:
    registrations: list[dict[str, Any]] = []
    if visit.administration:
        query = urlencode({"administrationId": visit.administration_id, "pageSize": 200})
        registrations = list(visit.api.items(f"{REGISTRATIONS}?{query}"))
        registrations.sort(key=lambda one: (one["state"] not in LIVE, one["startsAt"]))
    slots, has_more = _slots(visit) if visit.administration else ([], False)
    return visit.page(
        "viewing.html",
        "viewing",
        registrations=registrations,
        slots=slots,
        has_more=has_more,
        day=visit.value("dag"),
        changeable=CHANGEABLE,
        with_confirmation=WITH_CONFIRMATION,
    )


def search(visit: Visit) -> Response:
    """Show the students whose names begin as the form says; no URL names a person."""
    found = visit.find_students(visit.value("leerling"))
    return visit.page("viewing_found.html", "viewing", found=found, name=visit.value("leerling"))


def choose_slot(visit: Visit) -> Response:
    """Show the slots for a student, or for the move of a registration."""
    facts: dict[str, Any] = {}
    if visit.value("inschrijving"):
        found = visit.api.read(f"{REGISTRATIONS}/{visit.identifier('inschrijving')}")
        facts = {"registration": found, "student": found["student"]}
    else:
        student = visit.api.read(f"/v1/students/{visit.identifier('leerling')}")
        settings = visit.api.read(f"/v1/viewings/settings/{visit.administration_id}")
        facts = {"student": student, "companions": settings["companions"]}
    slots, has_more = _slots(visit)
    return visit.page(
        "viewing_slot.html",
        "viewing",
        slots=slots,
        has_more=has_more,
        day=visit.value("dag"),
        changeable=CHANGEABLE,
        key=str(uuid4()),
        **facts,
    )


def register(visit: Visit) -> Response:
    """Register a student; the key of the form makes a second click the same request."""
    companions = visit.value("begeleiders")
    body = {
        "studentId": visit.identifier("leerling"),
        "slotId": visit.identifier("moment"),
        "companions": int(companions[:MAX_DIGITS]) if companions.isdecimal() else 0,
        "waitIfFull": visit.value("wachten") == "ja",
    }
    key = {"Idempotency-Key": visit.identifier("sleutel")}
    return _change(visit, "registered", REGISTRATIONS, body, key)


def move(visit: Visit) -> Response:
    return _change(visit, "moved", _path(visit, "move"), {"slotId": visit.identifier("moment")})


def accept(visit: Visit) -> Response:
    return _change(visit, "accepted", _path(visit, "accept"))


def cancel(visit: Visit) -> Response:
    return _change(visit, "cancelled", _path(visit, "cancel"))


def download_confirmation(visit: Visit) -> Response:
    return pass_on(visit, f"{REGISTRATIONS}/{visit.request.path_params['id']}/confirmation")


def download_calendar(visit: Visit) -> Response:
    return pass_on(visit, f"{REGISTRATIONS}/{visit.request.path_params['id']}/calendar")


def _slots(visit: Visit) -> tuple[list[dict[str, Any]], bool]:
    """Return slots that have not begun, and whether there are more on other days."""
    query = {"administrationId": visit.administration_id, "pageSize": MAX_SLOTS}
    if day := visit.day("dag"):
        query["day"] = day
    page = visit.api.read(f"/v1/viewings/slots?{urlencode(query)}")
    now = datetime.now(BRUSSELS)
    slots = [one for one in page["items"] if datetime.fromisoformat(one["startsAt"]) > now]
    return slots, "next" in page or bool(day)


def _path(visit: Visit, change: str) -> str:
    return f"{REGISTRATIONS}/{visit.identifier('inschrijving')}/{change}"


def _change(
    visit: Visit, done: str, path: str, body: Any = None, headers: dict[str, str] | None = None
) -> Response:
    """Send a change, and lead to the list with a notice of what was done, or why not."""
    try:
        state = visit.api.send("POST", path, body, headers).json()["state"]
        text = "waits" if state == "waiting" else done
        visit.session.notice = {"text": text}
    except ApiRefusal as refusal:
        if refusal.kind not in REFUSALS:
            raise
        visit.session.notice = {"text": refusal.kind, "is_refusal": True}
    return visit.redirect(PAGE, afname=visit.administration_id)
