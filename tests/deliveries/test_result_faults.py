"""Each rule of results and items, broken once: named, and nothing changes."""

from pathlib import Path

import pytest
from sqlalchemy.orm import Session

from tests.deliveries.delivery_changes import Place, adds, removes, sets
from tests.deliveries.delivery_files import Change, full, refused

OUTCOME_FAULTS: dict[str, tuple[Change, Place]] = {
    "item beyond its length": (
        adds("item_results.csv", "s5", "LEZ4", "i" * 65, "1"),
        ("valueTooLong", "item_results.csv", 7, "item"),
    ),
    "item left empty": (
        adds("item_results.csv", "s5", "LEZ4", "", "1"),
        ("missingValue", "item_results.csv", 7, "item"),
    ),
    "item neither right nor wrong": (
        sets("item_results.csv", 3, "correct", "2"),
        ("invalidValue", "item_results.csv", 3, "correct"),
    ),
    "status that is not known": (
        sets("results.csv", 3, "status", "sick"),
        ("unknownStatus", "results.csv", 3, "status"),
    ),
    "level that is not known": (
        sets("results.csv", 2, "level", "F"),
        ("unknownLevel", "results.csv", 2, "level"),
    ),
    "level of another scale": (
        sets("results.csv", 2, "level", "A"),
        ("unknownLevel", "results.csv", 2, "level"),
    ),
    "level without reported": (
        sets("results.csv", 3, "level", "C"),
        ("levelWithoutReported", "results.csv", 3, "level"),
    ),
    "level with withdrawn": (
        sets("results.csv", 4, "status", "withdrawn"),
        ("levelWithoutReported", "results.csv", 4, "level"),
    ),
    "reported without a level": (
        sets("results.csv", 5, "level", ""),
        ("levelMissing", "results.csv", 5, "level"),
    ),
    "score with a comma": (
        sets("results.csv", 2, "scale_score", "240,5"),
        ("invalidValue", "results.csv", 2, "scale_score"),
    ),
    "score that is not a number": (
        sets("results.csv", 2, "scale_score", "NaN"),
        ("invalidValue", "results.csv", 2, "scale_score"),
    ),
    "component of another target group": (
        adds("results.csv", "s1", "LEZ2", "absent", "", ""),
        ("targetGroupMismatch", "results.csv", 9, "component"),
    ),
    "result of an unknown student": (
        adds("results.csv", "s9", "LEZ4", "absent", "", ""),
        ("danglingReference", "results.csv", 9, "student"),
    ),
    "result of an unknown component": (
        adds("results.csv", "s1", "LEZ9", "absent", "", ""),
        ("danglingReference", "results.csv", 9, "component"),
    ),
    "items of an unknown student": (
        adds("item_results.csv", "s9", "LEZ4", "1", "1"),
        ("danglingReference", "item_results.csv", 7, "student"),
    ),
    "items of an unknown component": (
        adds("item_results.csv", "s1", "LEZ9", "1", "1"),
        ("danglingReference", "item_results.csv", 7, "component"),
    ),
    "items without a result": (
        adds("item_results.csv", "s3", "WIS4", "1", "1"),
        ("danglingReference", "item_results.csv", 7, "component"),
    ),
    "reported level without a description": (
        removes("level_descriptions.csv", 4),
        ("descriptionMissing", "results.csv", 2, "level"),
    ),
}


@pytest.mark.parametrize("name", OUTCOME_FAULTS)
def test_result_that_breaks_a_rule_is_named(session: Session, tmp_path: Path, name: str) -> None:
    change, place = OUTCOME_FAULTS[name]
    delivery = full(2)
    change(delivery)

    report = refused(session, delivery, tmp_path)

    assert report["places"] == [place]
    assert report["faultCounts"] == {place[0]: 1}
    assert all(fault["detail"] and fault["remedy"] for fault in report["faults"])
