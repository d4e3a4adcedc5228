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
from synthetic.plan import (
    DeliveryPlan,
    SyntheticDeliveryError,
    require_empty_directory,
    require_valid_plan,
)
from synthetic.results import draw_group_profile, draw_items, draw_results
from synthetic.schools import School, draw_school
from synthetic.students import Enrolment, draw_stamnummers, draw_students, shared_student
from synthetic.writer import ITEM_RESULTS, DeliveryWriter, zip_delivery

__all__ = ["DeliveryPlan", "SyntheticDeliveryError", "generate_delivery", "zip_delivery"]

FORMAT_VERSION: Final = "1.0"
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
    with DeliveryWriter(out, with_items=plan.with_items) as delivery:
        _write_catalogue(delivery)
        for index in range(plan.schools):
            _write_school(delivery, plan, index)
            if on_progress is not None:
                on_progress(index + 1)
        return delivery.finish(_administration(plan), _manifest(plan))


def _write_school(delivery: DeliveryWriter, plan: DeliveryPlan, index: int) -> None:
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
    _write_students(delivery, plan, school, groups)


def _write_students(
    delivery: DeliveryWriter, plan: DeliveryPlan, school: School, groups: list[ClassGroup]
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


def _manifest(plan: DeliveryPlan) -> dict[str, Any]:
    """Return the manifest; its date depends on the sequence number, not on the clock."""
    first = datetime(plan.year, 6, 10, 9, tzinfo=SUMMER_TIME)
    return {
        "formatVersion": FORMAT_VERSION,
        "deliveryId": f"synthetic-{plan.administration_id}-{plan.sequence}",
        "administrationId": plan.administration_id,
        "mode": "full",
        "sequence": plan.sequence,
        "createdAt": (first + timedelta(days=plan.sequence - 1)).isoformat(),
    }
