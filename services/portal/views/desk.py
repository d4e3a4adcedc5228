"""The desk of a viewing officer: who comes today, and right or wrong per item; never a count."""

from typing import Any
from urllib.parse import urlencode

from starlette.responses import Response

from clients.python.errors import ApiRefusal
from services.portal.visits import PageNotFoundError, Visit

PAGE = "/balie"
DESK = "/v1/viewings/desk"
REASONS = ("noShow", "noIdentity", "mistake")
REFUSALS = {"resourceNotFound", "registrationEnded", "tooManyRequests"}
"""Refusals of the API that the page explains in a sentence."""


def show_desk(visit: Visit) -> Response:
    return visit.page("desk.html", "desk", visitors=_visitors(visit))


def look_up(visit: Visit) -> Response:
    """Lead to the visit of a code; a code is in no URL."""
    body = {"code": visit.value("code").strip()[:40] or "-"}
    found = _change(visit, f"{DESK}/lookUps", body)
    return _to_visit(visit, found["id"]) if found else visit.redirect(PAGE)


def show_visit(visit: Visit) -> Response:
    """Show the names to compare with an identity card, and of an open visit the components."""
    visitor = _visitor(visit)
    components: list[dict[str, Any]] = []
    if visitor["state"] == "open":
        components = _components(visit, visitor)
    return visit.page(
        "desk_visit.html", "desk", visitor=visitor, components=components, reasons=REASONS
    )


def show_items(visit: Visit) -> Response:
    """Show the items of one component in the order of the test, and lead to the next component."""
    registration, wanted = visit.identifier("inschrijving"), visit.value("onderdeel")
    components = _components(visit, {"id": registration})
    codes = [one["code"] for one in components]
    if wanted not in codes:
        raise PageNotFoundError
    query = urlencode({"component": wanted})
    shown = visit.api.read(f"{DESK}/registrations/{registration}/items?{query}")
    place = codes.index(wanted)
    return visit.page(
        "desk_items.html",
        "desk",
        registration=registration,
        shown=shown,
        earlier=components[place - 1] if place else None,
        later=components[place + 1] if components[place + 1 :] else None,
    )


def open_visit(visit: Visit) -> Response:
    """Open a visit, if the form states that the identity card was checked."""
    if visit.value("identiteit") != "ja":
        visit.session.notice = {"text": "check_identity", "is_refusal": True}
    else:
        _change(visit, _path(visit, "open"), {"identityChecked": True})
    return _to_visit(visit, visit.identifier("inschrijving"))


def close_visit(visit: Visit) -> Response:
    if _change(visit, _path(visit, "close")):
        visit.session.notice = {"text": "closed"}
    return visit.redirect(PAGE)


def annul(visit: Visit) -> Response:
    reason = visit.value("reden")
    if reason not in REASONS:
        raise PageNotFoundError
    if _change(visit, _path(visit, "annul"), {"reason": reason}):
        visit.session.notice = {"text": "annulled"}
    return visit.redirect(PAGE)


def _visitors(visit: Visit) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = visit.api.read(f"{DESK}/registrations")["items"]
    return found


def _visitor(visit: Visit) -> dict[str, Any]:
    wanted = visit.identifier("inschrijving")
    found = [one for one in _visitors(visit) if one["id"] == wanted]
    if not found:
        raise PageNotFoundError
    return found[0]


def _components(visit: Visit, visitor: dict[str, Any]) -> list[dict[str, Any]]:
    path = f"{DESK}/registrations/{visitor['id']}/components"
    found: list[dict[str, Any]] = visit.api.read(path)["items"]
    return found


def _path(visit: Visit, change: str) -> str:
    return f"{DESK}/registrations/{visit.identifier('inschrijving')}/{change}"


def _change(visit: Visit, path: str, body: Any = None) -> dict[str, Any] | None:
    """Send a change; leave a notice and return None when the API refuses it."""
    try:
        return visit.api.request("POST", path, body)
    except ApiRefusal as refusal:
        if refusal.kind not in REFUSALS:
            raise
        visit.session.notice = {"text": refusal.kind, "is_refusal": True}
        return None


def _to_visit(visit: Visit, registration: str) -> Response:
    return visit.redirect(f"{PAGE}/bezoek", inschrijving=registration)
