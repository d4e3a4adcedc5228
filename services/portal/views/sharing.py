"""Sharing: the mandates of the school for vendors of school software."""

from starlette.responses import Response

from services.portal.visits import Visit

PRODUCTS = ("studentFeedback", "schoolFeedback")


def show_sharing(visit: Visit) -> Response:
    mandates = visit.api.read("/v1/mandates?pageSize=200")["items"]
    return visit.page("sharing.html", "sharing", mandates=mandates, products=PRODUCTS)


def give(visit: Visit) -> Response:
    chosen = [one for one in visit.form.get("wat", []) if one in PRODUCTS]
    body = {
        "clientId": visit.value("leverancier").strip(),
        "products": chosen,
        "until": visit.value("tot"),
        "purpose": visit.value("waarvoor").strip(),
    }
    visit.api.request("POST", "/v1/mandates", body)
    return _done(visit, "given")


def shorten(visit: Visit) -> Response:
    visit.api.request("PATCH", _path(visit), {"until": visit.value("tot")})
    return _done(visit, "changed")


def revoke(visit: Visit) -> Response:
    visit.api.request("POST", f"{_path(visit)}/revoke")
    return _done(visit, "revoked")


def _path(visit: Visit) -> str:
    return f"/v1/mandates/{visit.identifier('mandaat')}"


def _done(visit: Visit, text: str) -> Response:
    visit.session.notice = {"text": text, "n": 1, "ids": []}
    return visit.redirect("/delen")
