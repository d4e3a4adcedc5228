"""The audit log of the school in plain words."""

import re
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from starlette.responses import Response

from services.portal.visits import PageNotFoundError, Visit

PAGE_SIZE = 50
OPENING = ("getDocumentContent", "useDownloadGrant")
"""The actions with which somebody gets the bytes of a document."""
SOFTWARE = "integrator"
CURSOR = re.compile(r"[A-Za-z0-9_-]{1,4000}")


def show_audit(visit: Visit) -> Response:
    query: dict[str, Any] = {"pageSize": PAGE_SIZE}
    student: dict[str, Any] = {}
    if visit.value("leerling"):
        query["studentId"] = visit.identifier("leerling")
        if visit.may("students:read"):
            student = visit.api.read(f"/v1/students/{query['studentId']}")
    if after := visit.value("na"):
        if not CURSOR.fullmatch(after):
            raise PageNotFoundError
        query["after"] = after
    page = visit.api.read(f"/v1/auditEvents?{urlencode(query)}")
    names = _names_of_software(visit, page["items"])
    events = [event | {"by": _by(visit, event, names)} for event in page["items"]]
    following = parse_qs(urlsplit(page.get("next", "")).query).get("after", [""])[0]
    return visit.page(
        "audit.html",
        "audit",
        events=events,
        student=student,
        opening=OPENING,
        following=following,
        after=after,
    )


def _names_of_software(visit: Visit, events: list[dict[str, Any]]) -> dict[str, str]:
    """Return the names of clients to which the school gave a mandate, by id, if one is needed."""
    if not (
        any(event["callerKind"] == SOFTWARE for event in events) and visit.may("mandates:read")
    ):
        return {}
    mandates = visit.api.read("/v1/mandates?pageSize=200")["items"]
    return {one["clientId"]: one["clientName"] for one in mandates if "clientName" in one}


def _by(visit: Visit, event: dict[str, Any], names: dict[str, str]) -> tuple[str, str]:
    """Return the key of the text about the caller of an event, and its name or code."""
    client = event["clientId"]
    if event["callerKind"] != "school":
        return event["callerKind"], names.get(client, client)
    subject = event.get("callerSubject", "")
    if not subject:
        return "portal", client
    return ("you", "") if subject == visit.session.subject else ("colleague", subject)
