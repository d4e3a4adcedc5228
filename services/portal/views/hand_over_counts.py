"""Class groups with the numbers of their fiches per state, for several pages."""

from typing import Any

from services.portal.visits import Visit


def read_counts(visit: Visit) -> list[dict[str, Any]]:
    """Return the class groups with fiches that the pages of the person show, in order."""
    found = visit.api.items(visit.school_path("handOverCounts", pageSize=200))
    return [group for group in found if visit.shows(group["classGroup"])]
