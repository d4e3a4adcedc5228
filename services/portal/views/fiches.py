"""Fiches: the print files and bundles that there are to download."""

from typing import Any

from starlette.responses import Response

from services.portal.visits import Visit


def show_fiches(visit: Visit) -> Response:
    prints: dict[str, Any] = {}
    bundles: dict[str, Any] = {}
    if visit.administration:
        prints, bundles = _of_kind(visit, "fichePrint"), _of_kind(visit, "ficheBundle")
    groups = [name for name in prints if name and visit.shows(name)]
    groups += [name for name in bundles if name and name not in groups and visit.shows(name)]
    return visit.page("fiches.html", "fiches", groups=groups, prints=prints, bundles=bundles)


def _of_kind(visit: Visit, kind: str) -> dict[str, Any]:
    """Return the documents of a kind by class group, that of the school by an empty name."""
    found = visit.api.items(visit.school_path("documents", kind=kind, pageSize=200))
    return {one.get("classGroup", ""): one for one in found}
