"""Generator of a delivery of synthetic schools and students, in the delivery format."""

from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any, Final

from synthetic.catalogue import (
    COMPONENTS,
    LEVEL_MARKERS,
    LEVELS,
    TARGET_GROUPS,
    load_level_descriptions,
)
from synthetic.class_groups import ClassGroup, form_class_groups
from synthetic.corrections import corrected_rows
from synthetic.plan import (
    DeliveryPlan,
    SyntheticDeliveryError,
    require_empty_directory,
    require_valid_plan,
)
from synthetic.references import ReferenceSums
from synthetic.results import draw_group_profile, draw_items, draw_results
from synthetic.schools import School, draw_school
from synthetic.students import Enrolment, draw_stamnummers, draw_students, shared_student
from synthetic.writer import COLUMNS, ITEM_RESULTS, REFERENCES, DeliveryWriter, zip_delivery

__all__ = [
    "DeliveryPlan",
    "SyntheticDeliveryError",
    "generate_correction",
    "generate_delivery",
    "zip_delivery",
]

FORMAT_VERSION: Final = "1.0"
FORMAT_WITH_REFERENCES: Final = "1.1"
SUMMER_TIME: Final = timezone(timedelta(hours=2))


def generate_delivery(
    plan: DeliveryPlan, out: Path, on_progress: Callable[[int], None] | None = None
) -> dict[str, int]:
    """Write a delivery to a directory and return the number of data rows per file.

    `on_progress` is called after each school with the number of schools written. The manifest is
    written last, so an interrupted run leaves no valid delivery.

    Raises:
        SyntheticDeliveryError: the plan is invalid, or `out` is not empty; nothing is written.
    """
    require_valid_plan(plan)
    require_empty_directory(out)
    out.mkdir(parents=True, exist_ok=True)
    left_out = {ITEM_RESULTS: not plan.with_items, REFERENCES: not plan.with_references}
    with DeliveryWriter(out, [name for name in COLUMNS if not left_out.get(name)]) as delivery:
        _write_catalogue(delivery)
        sums = ReferenceSums()
        for index in range(plan.schools):
            _write_school(delivery, plan, index, sums)
            if on_progress is not None:
                on_progress(index + 1)
        if plan.with_references:
            _write_references(delivery, plan, sums)
        return delivery.finish(_administration(plan), _manifest(plan, "full"))


def generate_correction(plan: DeliveryPlan, out: Path) -> dict[str, int]:
    """Write a correction of the delivery of a plan, and return the data rows per file.

    `plan.sequence` is that of the correction.

    Raises:
        SyntheticDeliveryError: the plan is invalid, or `out` is not empty; nothing is written.
    """
    require_valid_plan(plan)
    require_empty_directory(out)
    out.mkdir(parents=True, exist_ok=True)
    with DeliveryWriter(out, ["results.csv"]) as delivery:
        for index in range(plan.schools):
            delivery.write("results.csv", list(corrected_rows(plan, index)))
        return delivery.finish(None, _manifest(plan, "correction"))


def _write_references(delivery: DeliveryWriter, plan: DeliveryPlan, sums: ReferenceSums) -> None:
    delivery.write(REFERENCES, list(sums.of_flanders()))
    for index in range(plan.schools):
        draws = plan.yearly_draws("references", index)
        delivery.write(REFERENCES, list(sums.of_similar(draws, draw_school(plan, index))))


def _write_school(
    delivery: DeliveryWriter, plan: DeliveryPlan, index: int, sums: ReferenceSums
) -> None:
    school = draw_school(plan, index)
    groups = form_class_groups(plan, school)
    delivery.write(
        "schools.csv",
        [
            (
                school.number,
                school.name,
                school.municipality,
                school.main_structure,
                school.comparison_group,
            )
        ],
    )
    delivery.write(
        "class_groups.csv",
        [
            (school.number, group.name, group.target_group, group.site.number, group.site.name)
            for group in groups
        ],
    )
    _write_students(delivery, plan, school, groups, sums)


def _write_students(
    delivery: DeliveryWriter,
    plan: DeliveryPlan,
    school: School,
    groups: list[ClassGroup],
    sums: ReferenceSums,
) -> None:
    numbers = draw_stamnummers(plan, school)
    draws = plan.yearly_draws("results", school.index)
    item_draws = plan.yearly_draws("items", school.index)
    profiles = {group.name: draw_group_profile(draws, school, group) for group in groups}
    for enrolment in draw_students(plan, school, groups):
        delivery.write("students.csv", [_student_row(school, enrolment, next(numbers))])
        profile = profiles[enrolment.class_group.name]
        results = draw_results(draws, profile, enrolment.student.code)
        delivery.write("results.csv", results)
        sums.add(results)
        if plan.with_items:
            delivery.write(ITEM_RESULTS, draw_items(item_draws, results))
    shared = shared_student(plan, school, groups)
    if shared is not None:
        delivery.write("students.csv", [_student_row(school, shared, next(numbers))])


def _student_row(school: School, enrolment: Enrolment, stamnummer: str) -> tuple[str, ...]:
    student = enrolment.student
    return (
        student.code,
        school.number,
        enrolment.class_group.name,
        student.family_name,
        student.given_name,
        stamnummer,
        student.insz,
    )


def _write_catalogue(delivery: DeliveryWriter) -> None:
    delivery.write("target_groups.csv", TARGET_GROUPS)
    positions: Counter[str] = Counter()
    for component in COMPONENTS:
        positions[component.target_group] += 1
        row = (
            component.code,
            component.target_group,
            component.subject,
            component.name,
            str(positions[component.target_group]),
            "true" if component.is_calibration else "false",
            component.level_scale,
        )
        delivery.write("components.csv", [row])
    _write_levels(delivery)


def _write_levels(delivery: DeliveryWriter) -> None:
    for scale, markers in LEVEL_MARKERS.items():
        for ordinal, (level, marks) in enumerate(zip(LEVELS, markers, strict=True), start=1):
            row = (scale, level, str(ordinal), f"Niveau {level}", *marks)
            delivery.write("levels.csv", [row])
    for component, texts in load_level_descriptions().items():
        descriptions = zip(LEVELS, texts, strict=True)
        delivery.write("level_descriptions.csv", [(component, *pair) for pair in descriptions])


def _administration(plan: DeliveryPlan) -> dict[str, str]:
    return {
        "id": plan.administration_id,
        "schoolYear": f"{plan.year - 1}-{plan.year}",
        "name": f"Vlaamse toetsen {plan.year}",
        "testedFrom": f"{plan.year}-04-24",
        "testedUntil": f"{plan.year}-05-16",
    }


def _manifest(plan: DeliveryPlan, mode: str) -> dict[str, Any]:
    """Return the manifest; its date depends on the sequence number, not on the clock."""
    first = datetime(plan.year, 6, 10, 9, tzinfo=SUMMER_TIME)
    return {
        "formatVersion": FORMAT_WITH_REFERENCES if plan.with_references else FORMAT_VERSION,
        "deliveryId": f"synthetic-{plan.administration_id}-{plan.sequence}",
        "administrationId": plan.administration_id,
        "mode": mode,
        "sequence": plan.sequence,
        "createdAt": (first + timedelta(days=plan.sequence - 1)).isoformat(),
    }
