"""Sharing: the mandates of the school for vendors of school software."""

from http import HTTPStatus
from typing import Any

from starlette.responses import Response

from clients.python.errors import ApiRefusal
from services.portal.visits import Visit

PAGE = "/delen"
PRODUCTS = ("studentFeedback", "schoolFeedback")
REFUSALS = {
    "/clientId": "refused_client",
    "/products": "refused_products",
    "/until": "refused_until",
    "/purpose": "refused_purpose",
    "mandateOverlaps": "refused_overlap",
    "mandateOver": "refused_over",
}
"""Texts by the property that the API refuses, or by the type of its problem."""


def show_sharing(visit: Visit) -> Response:
    return _page(visit)


def give(visit: Visit) -> Response:
    """Give a mandate; a refused form is shown again, with what it contained and why."""
    chosen = [one for one in visit.form.get("wat", []) if one in PRODUCTS]
    body = {
        "clientId": visit.value("leverancier").strip().lower(),
        "products": chosen,
        "until": visit.value("tot"),
        "purpose": visit.value("waarvoor").strip(),
    }
    try:
        visit.api.request("POST", "/v1/mandates", body)
    except ApiRefusal as refusal:
        return _explain(visit, refusal, given=body | {"clientId": visit.value("leverancier")})
    return _done(visit, "given")


def shorten(visit: Visit) -> Response:
    try:
        visit.api.request("PATCH", _path(visit), {"until": visit.value("tot")})
    except ApiRefusal as refusal:
        return _explain(visit, refusal)
    return _done(visit, "changed")


def revoke(visit: Visit) -> Response:
    try:
        visit.api.request("POST", f"{_path(visit)}/revoke")
    except ApiRefusal as refusal:
        return _explain(visit, refusal)
    return _done(visit, "revoked")


def _page(visit: Visit, **facts: Any) -> Response:
    mandates = visit.api.read("/v1/mandates?pageSize=200")["items"]
    common = {"mandates": mandates, "products": PRODUCTS, "reasons": [], "given": {}}
    return visit.page("sharing.html", "sharing", **common | facts)


def _explain(visit: Visit, refusal: ApiRefusal, **facts: Any) -> Response:
    """Return the page with the reasons of a refusal; raise one that it has no sentence for."""
    known = [name for name in (refusal.kind, *(n for n, _ in refusal.issues)) if name in REFUSALS]
    if not known:
        raise refusal
    reasons = list(dict.fromkeys(REFUSALS[name] for name in known))
    response = _page(visit, reasons=reasons, **facts)
    response.status_code = HTTPStatus.BAD_REQUEST
    return response


def _path(visit: Visit) -> str:
    return f"/v1/mandates/{visit.identifier('mandaat')}"


def _done(visit: Visit, text: str) -> Response:
    visit.session.notice = {"text": text, "n": 1, "ids": []}
    return visit.redirect(PAGE)
