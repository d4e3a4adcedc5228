"""Makes a whole delivery of invented schools, as the steunpunt would hand it over."""

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
    require_sound_plan,
)
from synthetic.pupils import Pupil, pupils_of, shared_pupil, stamnummers
from synthetic.results import draw_items, draw_results, draw_sitting
from synthetic.schools import School, draw_school
from synthetic.writer import ITEM_RESULTS, DeliveryWriter, zip_delivery

__all__ = ["DeliveryPlan", "SyntheticDeliveryError", "generate_delivery", "zip_delivery"]

FORMAT_VERSION: Final = "1.0"
SUMMER_TIME: Final = timezone(timedelta(hours=2))


def generate_delivery(
    plan: DeliveryPlan, out: Path, on_progress: Callable[[int], None] | None = None
) -> dict[str, int]:
    """Writes a delivery directory; returns data rows per file.

    `out` is made if need be. `on_progress` gets the number of schools written so far, after each.
    The manifest comes last: what an interrupted run leaves behind is no delivery.
    Raises SyntheticDeliveryError, before anything is written, for a plan that makes no sense or
    an `out` that holds something.
    """
    require_sound_plan(plan)
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
    _write_pupils(delivery, plan, school, groups)


def _write_pupils(
    delivery: DeliveryWriter, plan: DeliveryPlan, school: School, groups: list[ClassGroup]
) -> None:
    numbers = stamnummers(plan, school)
    draws = plan.yearly_draws("results", school.index)
    item_draws = plan.yearly_draws("items", school.index)
    sittings = {group.name: draw_sitting(draws, school, group) for group in groups}
    for group, pupil in pupils_of(plan, school, groups):
        delivery.write("students.csv", [_student_row(school, group, pupil, next(numbers))])
        results = draw_results(draws, sittings[group.name], pupil.student)
        delivery.write("results.csv", results)
        if plan.with_items:
            delivery.write(ITEM_RESULTS, draw_items(item_draws, results))
    shared = shared_pupil(plan, school, groups)
    if shared is not None:
        delivery.write("students.csv", [_student_row(school, *shared, next(numbers))])


def _student_row(
    school: School, group: ClassGroup, pupil: Pupil, stamnummer: str
) -> tuple[str, ...]:
    return (
        pupil.student,
        school.number,
        group.name,
        pupil.family_name,
        pupil.given_name,
        stamnummer,
        pupil.insz,
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
        described = zip(LEVELS, texts, strict=True)
        delivery.write("level_descriptions.csv", [(component, *pair) for pair in described])


def _administration(plan: DeliveryPlan) -> dict[str, str]:
    return {
        "id": plan.administration_id,
        "schoolYear": f"{plan.year - 1}-{plan.year}",
        "name": f"Vlaamse toetsen {plan.year}",
        "testedFrom": f"{plan.year}-04-24",
        "testedUntil": f"{plan.year}-05-16",
    }


def _manifest(plan: DeliveryPlan) -> dict[str, Any]:
    """A later delivery of the same administration is made a day later; no clock is read."""
    first = datetime(plan.year, 6, 10, 9, tzinfo=SUMMER_TIME)
    return {
        "formatVersion": FORMAT_VERSION,
        "deliveryId": f"synthetic-{plan.administration_id}-{plan.sequence}",
        "administrationId": plan.administration_id,
        "mode": "full",
        "sequence": plan.sequence,
        "createdAt": (first + timedelta(days=plan.sequence - 1)).isoformat(),
    }
