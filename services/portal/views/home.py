"""The start page: tasks that wait, and when something opens."""

from starlette.responses import Response

from services.portal.views.hand_over_counts import read_counts
from services.portal.visits import Visit

STATES = ("open", "done", "again")
PRODUCTS = {"schoolFeedback": "feedback:read", "testViewing": "viewings:read"}
"""Products with a page of their own, and the scope that reads it."""


def show_home(visit: Visit) -> Response:
    counts, windows, opened = [], [], set()
    if visit.administration and visit.may("handOvers:read"):
        counts = read_counts(visit)
    if visit.administration and visit.may("releases:read"):
        path = f"/v1/releaseWindows?administrationId={visit.administration_id}&pageSize=200"
        found = visit.api.read(path)["items"]
        opened = {one["product"] for one in found if one["state"] == "open"}
        windows = [one for one in found if "component" not in one]
        windows.sort(key=lambda one: one.get("opensAt") or one.get("plannedFrom") or "9999")
    totals = {state: sum(group[state] for group in counts) for state in STATES}
    waiting = [one for one, scope in PRODUCTS.items() if one in opened and visit.may(scope)]
    if "schoolFeedback" in waiting and not _has_figures(visit):
        waiting.remove("schoolFeedback")
    return visit.page("home.html", "home", totals=totals, windows=windows, waiting=waiting)


def _has_figures(visit: Visit) -> bool:
    """Whether the school has figures; the open target group may be one that it does not have."""
    versions = visit.api.read(visit.school_path("feedback/versions", pageSize=1))
    return bool(versions["items"])
