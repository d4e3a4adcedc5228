"""The overview for class councils, its conditions, and the declaration of the school."""

from datetime import datetime

from starlette.responses import Response

from services.portal.pages import BRUSSELS
from services.portal.views.hand_over_counts import read_counts
from services.portal.visits import Visit

SEPTEMBER = 9


def show_overview(visit: Visit) -> Response:
    workbooks, declarations, groups = [], [], []
    if visit.administration:
        path = visit.school_path("documents", kind="overview", pageSize=1)
        workbooks = visit.api.read(path)["items"]
        if visit.may("handOvers:read") or visit.may("declarations:write"):
            found = visit.api.read(f"/v1/declarations?schoolYear={school_year()}&pageSize=50")[
                "items"
            ]
            declarations = [one for one in found if "withdrawnAt" not in one]
        if visit.may("handOvers:read"):
            groups = read_counts(visit)
    return visit.page(
        "overview.html",
        "overview",
        workbooks=workbooks,
        declarations=declarations,
        groups=groups,
        year=school_year(),
    )


def school_year() -> str:
    """Return the school year of today, in Brussels: a declaration is about that one."""
    today = datetime.now(BRUSSELS)
    begins = today.year if today.month >= SEPTEMBER else today.year - 1
    return f"{begins}-{begins + 1}"


def declare(visit: Visit) -> Response:
    visit.api.request("POST", "/v1/declarations", {"schoolYear": school_year()})
    visit.session.notice = {"text": "recorded", "n": 1, "ids": []}
    return visit.redirect("/overzicht", afname=visit.administration_id)
