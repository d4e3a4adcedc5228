"""A delivery of which two columns contradict each other is refused, or applied with a warning."""

from pathlib import Path

import pytest
from sqlalchemy.orm import Session

from tests.deliveries.delivery_changes import Place, add_row, set_value
from tests.deliveries.delivery_files import Change, DeliveryFiles, full, import_refused, run_import


def attain_objectives_only(delivery: DeliveryFiles) -> None:
    delivery.rows["levels.csv"][0].append("attains_final_objectives")
    for row in delivery.rows["levels.csv"][1:]:
        row.append("true" if row[0] == "SO" else "")


def name_sites(delivery: DeliveryFiles) -> None:
    for line, name in ((2, "Hoofdvestiging"), (3, "Dreef")):
        delivery.set("class_groups.csv", line, "site", "1")
        delivery.set("class_groups.csv", line, "site_name", name)


def reverse_scores(delivery: DeliveryFiles) -> None:
    """Let the result on the highest level have the lowest score."""
    delivery.set("results.csv", 2, "scale_score", "90")


CONTRADICTIONS: dict[str, tuple[Change, Place]] = {
    "seventh grade of primary education": (
        set_value("target_groups.csv", 2, "grade", "7"),
        ("gradeNotInLevel", "target_groups.csv", 2, "grade"),
    ),
    "eighth grade of secondary education": (
        set_value("target_groups.csv", 3, "grade", "8"),
        ("gradeNotInLevel", "target_groups.csv", 3, "grade"),
    ),
    "final objectives without basic literacy": (
        attain_objectives_only,
        ("objectivesWithoutLiteracy", "levels.csv", 5, "attains_final_objectives"),
    ),
    "two levels with one label": (
        set_value("levels.csv", 4, "label", "Niveau D"),
        ("sameLabel", "levels.csv", 4, "label"),
    ),
    "score of an absent student": (
        set_value("results.csv", 3, "scale_score", "200"),
        ("scoreWithoutTest", "results.csv", 3, "scale_score"),
    ),
    "items of an exempt student": (
        add_row("item_results.csv", "s3", "LEZ4", "1", "1"),
        ("itemsWithoutTest", "item_results.csv", 7, "component"),
    ),
    "text of a level of another scale": (
        add_row("level_descriptions.csv", "LEZ4", "A", "Leest."),
        ("unknownLevel", "level_descriptions.csv", 10, "level"),
    ),
    "class group of another target group than the components of its students": (
        set_value("class_groups.csv", 4, "target_group", "LO4"),
        ("targetGroupMismatch", "results.csv", 7, "component"),
    ),
}
DOUBTS: dict[str, tuple[Change, Place]] = {
    "two components with one name": (
        add_row("components.csv", "LEZ5", "LO4", "nederlands", "Lezen", "4", "true", "LO"),
        ("sameName", "components.csv", 6, "name"),
    ),
    "two components in one position": (
        set_value("components.csv", 3, "position", "1"),
        ("samePosition", "components.csv", 3, "position"),
    ),
    "two names of a site": (name_sites, ("otherSiteName", "class_groups.csv", 3, "site_name")),
    "scores that contradict the order of the levels": (
        reverse_scores,
        ("levelsAgainstScores", "results.csv", 4, "level"),
    ),
}


@pytest.mark.parametrize("name", CONTRADICTIONS)
def test_contradiction_is_refused(session: Session, tmp_path: Path, name: str) -> None:
    change, place = CONTRADICTIONS[name]
    delivery = full(2)
    change(delivery)

    report = import_refused(session, delivery, tmp_path)

    assert report["places"] == [place]
    assert all(fault["detail"] and fault["remedy"] for fault in report["faults"])


@pytest.mark.parametrize("name", DOUBTS)
def test_doubt_is_a_warning(session: Session, tmp_path: Path, name: str) -> None:
    change, place = DOUBTS[name]
    delivery = full()
    change(delivery)

    outcome = run_import(session, delivery.write(tmp_path))

    assert (outcome.status, outcome.report["warningCounts"]) == ("applied", {place[0]: 1})
    (warning,) = outcome.report["warnings"]
    assert (warning["file"], warning["line"], warning["column"]) == place[1:]
