"""Class groups, the search by name, and the students of a class group with their levels."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from starlette.responses import Response

from services.portal.views.hand_over_counts import read_counts
from services.portal.visits import MAX_NAME, Visit

OTHER_STATUSES = ("notCompleted", "notAssigned", "withheld")
Results = dict[str, dict[str, Any]]


@dataclass
class ComponentSummary:
    """One line about a class group: the number of students per level, and without one."""

    code: str
    name: str
    levels: Counter[tuple[int, str]] = field(default_factory=Counter)
    statuses: Counter[str] = field(default_factory=Counter)

    @property
    def spread(self) -> list[tuple[str, int, int]]:
        """The levels from low to high, each with its rank and its number of students."""
        return [(code, rank, n) for (rank, code), n in sorted(self.levels.items())]

    @property
    def others(self) -> int:
        return sum(self.statuses[status] for status in OTHER_STATUSES)


def show_class_groups(visit: Visit) -> Response:
    groups: list[dict[str, Any]] = []
    left: dict[str, int] = {}
    if visit.administration:
        found = visit.api.items(visit.school_path("classGroups", pageSize=200))
        groups = [group for group in found if visit.shows(group["classGroup"])]
        if visit.may("handOvers:read"):
            left = {one["classGroup"]: one["open"] + one["again"] for one in read_counts(visit)}
    wanted = visit.value("naam").strip()
    shown = [one for one in groups if wanted.casefold() in one["classGroup"].casefold()]
    return visit.page("class_groups.html", "class_groups", groups=shown, left=left, wanted=wanted)


def search(visit: Visit) -> Response:
    """Show the students whose names begin as the form says; no URL names a person."""
    name = visit.value("leerling").strip()[:MAX_NAME]
    found = visit.find_students(name)
    documents = {}
    if len(found) == 1 and visit.may("documents:read"):
        documents = _fiches(visit, found[0]["classGroup"])
    return visit.page("found.html", "class_groups", found=found, name=name, fiches=documents)


def show_class_group(visit: Visit) -> Response:
    name, order = visit.class_group(), visit.value("volgorde")
    path = visit.school_path("students", classGroup=name, pageSize=200)
    students = list(visit.api.items(path))
    results, components = _results(visit, name) if visit.may("results:read") else ({}, {})
    fiches = _fiches(visit, name) if visit.may("documents:read") else {}
    if order in components:
        students.sort(key=lambda student: -_rank(results.get(student["id"], {}).get(order)))
    return visit.page(
        "class_group.html",
        "class_groups",
        name=name,
        students=students,
        results=results,
        components=components,
        fiches=fiches,
        order=order,
    )


def _results(visit: Visit, name: str) -> tuple[dict[str, Results], dict[str, ComponentSummary]]:
    """Return the results by student and component, and the summary of each component."""
    by_student: dict[str, Results] = {}
    components: dict[str, ComponentSummary] = {}
    path = visit.school_path("results", classGroup=name, pageSize=200)
    for result in visit.api.items(path):
        code = result["component"]
        by_student.setdefault(result["student"]["id"], {})[code] = result
        summary = components.setdefault(code, ComponentSummary(code, result["componentName"]))
        if level := result.get("level"):
            summary.levels[level["ordinal"], level["code"]] += 1
        else:
            summary.statuses[result["status"]] += 1
    return by_student, components


def _fiches(visit: Visit, name: str) -> dict[str, str]:
    """Return the ids of the fiches of a class group by student."""
    path = visit.school_path("documents", kind="fiche", classGroup=name, pageSize=200)
    return {one["studentId"]: one["id"] for one in visit.api.items(path)}


def _rank(result: dict[str, Any] | None) -> int:
    """Return the rank of a level; 0 without one."""
    return int(result["level"]["ordinal"]) if result and "level" in result else 0
