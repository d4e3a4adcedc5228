"""The figures of a delivery by plain Python over its rows, without any code of the service."""

from collections import Counter
from dataclasses import dataclass, field
from statistics import mean, stdev
from typing import Any

from tests.deliveries.delivery_files import DeliveryFiles
from tests.school_feedback.random_deliveries import LEVELS, rows_of

Counts = tuple[int, ...]


@dataclass
class Expected:
    """What is expected of a school and component; a hidden row is None."""

    school: Counts | None = None
    class_rows: dict[str, Counts | None] = field(default_factory=dict)
    not_tested: tuple[int | None, ...] | None = None
    not_assigned: int | None = None
    mean: tuple[float, float] | None = None
    references: dict[str, tuple[float, ...]] = field(default_factory=dict)


def shown(counts: Counts, minimum: int, outside: int) -> bool:
    return sum(counts) >= minimum and sum(counts) - max(counts) >= outside


def add(*several: Counts) -> Counts:
    return tuple(sum(column) for column in zip((0,) * len(LEVELS), *several, strict=True))


def expected_figures(
    delivery: DeliveryFiles, found: dict[tuple[str, str], Expected]
) -> dict[tuple[str, str], Expected]:
    """Return the expected figures by school and component code.

    Which row is hidden in addition to others is secret: it is that of the figures `found`.
    """
    home = {row["student"]: row for row in rows_of(delivery, "students.csv")}
    groups = {row["school"]: row["comparison_group"] for row in rows_of(delivery, "schools.csv")}
    results: dict[tuple[str, str], list[dict[str, str]]] = {}
    for row in rows_of(delivery, "results.csv"):
        row["class_group"] = home[row["student"]]["class_group"]
        results.setdefault((home[row["student"]]["school"], row["component"]), []).append(row)
    figures = {key: _expected(rows, key[1], found[key].class_rows) for key, rows in results.items()}
    for (school, component), expected in figures.items():
        own = counts_of(results[school, component])
        of_others = {
            other: counts_of(rows)
            for (other, code), rows in results.items()
            if code == component and other != school and any(counts_of(rows))
        }
        similar = {
            other: counts
            for other, counts in of_others.items()
            if groups[school] and groups[other] == groups[school]
        }
        limits = limits_of(component)
        if may_compute(of_others, limits):
            expected.references["flanders"] = shares(add(own, *of_others.values()))
        if may_compute(similar, limits):
            expected.references["similar"] = shares(add(*similar.values()))
    return figures


def limits_of(component: str) -> tuple[int, int]:
    return (10, 2) if component == "KAL4" else (5, 1)


def counts_of(rows: list[dict[str, str]]) -> Counts:
    levels = Counter(row["level"] for row in rows if row["status"] == "reported")
    return tuple(levels[level] for level in LEVELS)


def shares(counts: Counts) -> tuple[float, ...]:
    return tuple(round(count / sum(counts), 3) for count in counts)


def may_compute(others: dict[str, Counts], limits: tuple[int, int]) -> bool:
    total = add(*others.values())
    sizes = [sum(counts) for counts in others.values()]
    return (
        len(others) >= 10
        and sum(total) >= 100
        and 2 * max(sizes) <= sum(total)
        and shown(total, *limits)
    )


def _expected(
    rows: list[dict[str, str]], component: str, found: dict[str, Counts | None]
) -> Expected:
    limits = limits_of(component)
    meant = [row for row in rows if row["status"] != "notAssigned"]
    classes: dict[str, Counts] = {
        name: counts_of([row for row in meant if row["class_group"] == name])
        for name in sorted({row["class_group"] for row in meant})
    }
    expected = Expected()
    if component != "KAL4":
        expected.class_rows = dict.fromkeys(classes)
    school = counts_of(rows)
    if not shown(school, *limits):
        return expected
    expected.school = school
    expected.not_assigned = len(rows) - len(meant)
    statuses = Counter(row["status"] for row in rows)
    numbers = [statuses[status] for status in ("absent", "exempt", "notCompleted")]
    expected.not_tested = tuple(number if number >= 5 else None for number in numbers)
    scores = [float(row["scale_score"]) for row in meant if row["scale_score"]]
    if len(scores) >= limits[0] and len(set(scores)) > 1:
        error = stdev(scores) / len(scores) ** 0.5
        expected.mean = round(mean(scores), 2), round(error, 2)
    if component != "KAL4":
        expected.class_rows = _class_rows(classes, limits, found)
    return expected


def _class_rows(
    classes: dict[str, Counts], limits: tuple[int, int], found: dict[str, Counts | None]
) -> dict[str, Counts | None]:
    """Hide one row more, the one that is hidden in `found`, if the sum may not be shown."""
    hidden = {name for name, counts in classes.items() if not shown(counts, *limits)}
    if hidden and not shown(add(*(classes[name] for name in hidden)), *limits):
        candidates = [name for name in classes.keys() - hidden if found[name] is None]
        hidden |= {*candidates[:1]}
    return {name: None if name in hidden else counts for name, counts in classes.items()}


def described(figures: Any) -> Expected:
    """Return the figures of the service in the same form."""
    row = figures.school_row
    missing = figures.not_tested
    return Expected(
        row.counts,
        {one.name: one.counts for one in figures.class_rows},
        missing and (missing.absent, missing.exempt, missing.not_completed),
        row.not_assigned,
        figures.mean and (figures.mean.value, figures.mean.standard_error),
        {one.name.value: one.shares for one in figures.references},
    )
