"""School feedback: the figures of the school per component, and those of its class groups."""

from typing import Any

from starlette.responses import Response

from services.portal.views.figures import ComponentTables
from services.portal.visits import PageNotFoundError, Visit

REPORT, WORKBOOK = "schoolFeedbackReport", "schoolFeedbackWorkbook"


def show_school_feedback(visit: Visit) -> Response:
    groups = _read(visit)
    chosen = _choose(visit, groups) if groups else {}
    documents = {kind: _documents(visit, kind) for kind in (REPORT, WORKBOOK) if groups}
    return visit.page(
        "school_feedback.html",
        "school_feedback",
        groups=groups,
        chosen=chosen,
        components=_tables(visit, chosen),
        reports=documents.get(REPORT, []),
        workbooks=documents.get(WORKBOOK, []),
    )


def show_class_groups(visit: Visit) -> Response:
    """Show the class groups of one component."""
    chosen = _choose(visit, _read(visit))
    code = visit.value("onderdeel")
    found = [one for one in _tables(visit, chosen) if one.code == code]
    if not found:
        raise PageNotFoundError
    (component,) = found
    rows = [row for row in component.class_groups if visit.shows(row.name)]
    return visit.page(
        "feedback_classes.html", "school_feedback", chosen=chosen, component=component, rows=rows
    )


def _read(visit: Visit) -> list[dict[str, Any]]:
    """Return the released figures of the school by target group."""
    if not visit.administration:
        return []
    found: list[dict[str, Any]] = visit.api.read(visit.school_path("feedback"))["targetGroups"]
    return found


def _choose(visit: Visit, groups: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the target group that was chosen, or the first one."""
    wanted = visit.value("doelgroep")
    found = [one for one in groups if not wanted or one["targetGroup"] == wanted]
    if not found:
        raise PageNotFoundError
    return found[0]


def _tables(visit: Visit, group: dict[str, Any]) -> list[ComponentTables]:
    texts = visit.pages.texts["school_feedback"]
    return [ComponentTables(one, texts) for one in group.get("components", ())]


def _documents(visit: Visit, kind: str) -> list[dict[str, Any]]:
    """Return the documents of a kind, one for each opening."""
    found: list[dict[str, Any]] = visit.api.read(
        visit.school_path("documents", kind=kind, pageSize=50)
    )["items"]
    return found
