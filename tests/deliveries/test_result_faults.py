"""Each invalid result or item result is reported, and nothing changes."""

from decimal import Decimal
from pathlib import Path

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from shared.results.models import ScaleScore
from tests.deliveries.delivery_changes import Place, add_row, remove_row, set_value
from tests.deliveries.delivery_files import Change, full, import_refused
from tests.deliveries.delivery_rows import import_applied

RESULT_FAULTS: dict[str, tuple[Change, Place]] = {
    "item too long": (
        add_row("item_results.csv", "s5", "LEZ4", "i" * 65, "1"),
        ("valueTooLong", "item_results.csv", 7, "item"),
    ),
    "empty item": (
        add_row("item_results.csv", "s5", "LEZ4", "", "1"),
        ("missingValue", "item_results.csv", 7, "item"),
    ),
    "item neither right nor wrong": (
        set_value("item_results.csv", 3, "correct", "2"),
        ("invalidValue", "item_results.csv", 3, "correct"),
    ),
    "unknown status": (
        set_value("results.csv", 3, "status", "sick"),
        ("unknownStatus", "results.csv", 3, "status"),
    ),
    "unknown level": (
        set_value("results.csv", 2, "level", "F"),
        ("unknownLevel", "results.csv", 2, "level"),
    ),
    "level of another scale": (
        set_value("results.csv", 2, "level", "A"),
        ("unknownLevel", "results.csv", 2, "level"),
    ),
    "level without reported": (
        set_value("results.csv", 3, "level", "C"),
        ("levelWithoutReported", "results.csv", 3, "level"),
    ),
    "level with withdrawn": (
        set_value("results.csv", 4, "status", "withdrawn"),
        ("levelWithoutReported", "results.csv", 4, "level"),
    ),
    "reported without a level": (
        set_value("results.csv", 5, "level", ""),
        ("levelMissing", "results.csv", 5, "level"),
    ),
    "score with a comma": (
        set_value("results.csv", 2, "scale_score", "240,5"),
        ("invalidValue", "results.csv", 2, "scale_score"),
    ),
    "score with many digits": (
        set_value("results.csv", 2, "scale_score", f"0.{'1' * 26}"),
        ("invalidValue", "results.csv", 2, "scale_score"),
    ),
    "score that is not a number": (
        set_value("results.csv", 2, "scale_score", "NaN"),
        ("invalidValue", "results.csv", 2, "scale_score"),
    ),
    "component of another target group": (
        add_row("results.csv", "s1", "LEZ2", "absent", "", ""),
        ("targetGroupMismatch", "results.csv", 9, "component"),
    ),
    "result of an unknown student": (
        add_row("results.csv", "s9", "LEZ4", "absent", "", ""),
        ("danglingReference", "results.csv", 9, "student"),
    ),
    "result of an unknown component": (
        add_row("results.csv", "s1", "LEZ9", "absent", "", ""),
        ("danglingReference", "results.csv", 9, "component"),
    ),
    "items of an unknown student": (
        add_row("item_results.csv", "s9", "LEZ4", "1", "1"),
        ("danglingReference", "item_results.csv", 7, "student"),
    ),
    "items of an unknown component": (
        add_row("item_results.csv", "s1", "LEZ9", "1", "1"),
        ("danglingReference", "item_results.csv", 7, "component"),
    ),
    "items without a result": (
        add_row("item_results.csv", "s3", "WIS4", "1", "1"),
        ("danglingReference", "item_results.csv", 7, "component"),
    ),
    "reported level without a description": (
        remove_row("level_descriptions.csv", 4),
        ("descriptionMissing", "results.csv", 2, "level"),
    ),
}


@pytest.mark.parametrize("name", RESULT_FAULTS)
def test_invalid_result_is_reported(session: Session, tmp_path: Path, name: str) -> None:
    change, place = RESULT_FAULTS[name]
    delivery = full(2)
    change(delivery)

    report = import_refused(session, delivery, tmp_path)

    assert report["places"] == [place]
    assert report["faultCounts"] == {place[0]: 1}
    assert all(fault["detail"] and fault["remedy"] for fault in report["faults"])


@pytest.mark.parametrize(
    "score",
    [
        "180.57000000000002",
        "-0.123456789012345",
        "1.8e+02",
        "1E-05",
        "5e-324",
        "1.7976931348623157e+308",
        "100000",
        ".5",
        "7.",
    ],
)
def test_score_as_programs_print_it_is_kept_exactly(
    session: Session, tmp_path: Path, score: str
) -> None:
    delivery = full()
    del delivery.rows["results.csv"][2:]
    del delivery.rows["item_results.csv"][1:]
    delivery.set("results.csv", 2, "scale_score", score)

    import_applied(session, delivery, tmp_path)

    assert session.scalars(select(ScaleScore.score)).one() == Decimal(score)
