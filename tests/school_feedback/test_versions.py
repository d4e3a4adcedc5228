"""Versions of figures: what one changed student changes before and after the release."""

from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from shared.school_feedback.figures import ComponentFigures
from shared.school_feedback.stored_figures import figures_to_json
from tests.deliveries.delivery_files import DeliveryFiles, correction, full
from tests.school_feedback.conftest import Computed

SCHOOL = "000028"
LEVELS = "EEDDDCCC"


def school_of_two_classes(sequence: int = 1) -> DeliveryFiles:
    """Return a delivery of a school with 8 students in each of two class groups."""
    delivery = full(sequence)
    for file in ("schools", "class_groups", "students", "results", "item_results"):
        del delivery.rows[f"{file}.csv"][1:]
    delivery.add("schools.csv", SCHOOL, "De Wilg", "Genk", "211", "L4", "")
    for name in ("4A", "4B"):
        delivery.add("class_groups.csv", SCHOOL, name, "LO4", "1", "Hoofdvestiging")
        for place, level in enumerate(LEVELS):
            student = f"{name}-{place}"
            delivery.add("students.csv", student, SCHOOL, name, "Peeters", "An", "", "")
            for component in ("LEZ4", "WIS4"):
                delivery.add("results.csv", student, component, "reported", level, str(100 + place))
    return delivery


def corrected(computed: Computed, sequence: int, *rows: list[str]) -> dict[str, int]:
    computed.deliver(correction(sequence, results=list(rows)))
    return computed.compute()


def reading(computed: Computed, component: str = "LEZ4") -> ComponentFigures:
    return computed.figures()[SCHOOL, component]


def facts(figures: ComponentFigures) -> dict[str, Any]:
    """Return the figures without version and flag."""
    return figures_to_json(replace(figures, has_late_corrections=True))


def test_one_changed_status_changes_exactly_its_figures_before_the_release(
    computed: Computed,
) -> None:
    computed.deliver(school_of_two_classes())
    computed.compute()
    before, other = reading(computed), reading(computed, "WIS4")
    outcome = corrected(computed, 2, ["4A-0", "LEZ4", "absent", "", ""])
    assert outcome == {"versions": 1, "unchanged": 1}
    after = reading(computed)
    assert reading(computed, "WIS4") == other
    assert (after.version, after.reason) == (2, "beforeRelease")
    assert [row.counts for row in before.rows] == [(4, 6, 6), (2, 3, 3), (2, 3, 3)]
    assert [row.counts for row in after.rows] == [(3, 6, 6), (1, 3, 3), (2, 3, 3)]
    assert before.mean != after.mean
    unchanged = facts(before) | {"rows": [], "mean": None}
    assert facts(after) | {"rows": [], "mean": None} == unchanged


def test_one_late_student_changes_no_figure_after_the_release(computed: Computed) -> None:
    computed.deliver(school_of_two_classes())
    computed.compute()
    computed.open()
    before = reading(computed)
    corrected(computed, 2, ["4A-0", "LEZ4", "reported", "C", "250"])
    after = reading(computed)
    assert facts(after) == facts(before)
    assert (after.version, after.reason) == (2, "correctionsLeftOut")
    assert not after.has_late_corrections
    assert reading(computed, "WIS4").version == 1


def test_corrections_that_are_left_out_are_included_once_they_are_enough(
    computed: Computed,
) -> None:
    computed.deliver(school_of_two_classes())
    computed.compute()
    computed.open()
    corrected(computed, 2, ["4A-0", "LEZ4", "reported", "C", "250"])
    rows = [
        [f"4A-{place}", "LEZ4", "reported", level, "200"] for place, level in enumerate("CCEECDDE")
    ]
    corrected(computed, 3, *rows)
    after = reading(computed)
    assert (after.version, after.reason, after.has_late_corrections) == (3, "corrected", True)
    assert after.class_rows[0].counts == (3, 2, 3)
    assert computed.compute() == {"versions": 0, "unchanged": 2}


def test_a_changed_score_alone_changes_no_mean_after_the_release(computed: Computed) -> None:
    computed.deliver(school_of_two_classes())
    computed.compute()
    computed.open()
    before = reading(computed)
    corrected(computed, 2, ["4A-0", "LEZ4", "reported", "E", "999"])
    after = reading(computed)
    assert after.mean == before.mean
    assert not after.has_late_corrections
    corrected(computed, 3, ["4A-0", "LEZ4", "reported", "E", "100"])
    assert reading(computed).has_late_corrections


def test_a_version_before_the_release_is_no_published_one(computed: Computed) -> None:
    computed.deliver(school_of_two_classes())
    computed.compute()
    corrected(computed, 2, ["4A-0", "LEZ4", "absent", "", ""])
    computed.session.execute(
        text("update school_feedback_snapshots set computed_at = now() - interval '2 days'")
    )
    computed.open()
    assert computed.compute() == {"versions": 0, "unchanged": 2}
    corrected(computed, 3, ["4A-0", "LEZ4", "reported", "E", "100"])
    assert reading(computed).reason == "correctionsLeftOut"
    assert reading(computed).class_rows[0].counts == (1, 3, 3)


def test_a_snapshot_without_a_passed_audit_is_refused(computed: Computed) -> None:
    computed.deliver(school_of_two_classes())
    computed.compute()
    copy = text("""
        insert into school_feedback_snapshots
            (administration_id, school_id, component_id, version, reason, figures, audit)
        select administration_id, school_id, component_id, 9, reason, figures, :audit
        from school_feedback_snapshots limit 1
    """)
    for audit in ("{}", '{"isPassed": false}', "null"):
        with (
            pytest.raises(DBAPIError, match="audit_passed"),
            computed.session.begin_nested(),
        ):
            computed.session.execute(copy, {"audit": audit})
