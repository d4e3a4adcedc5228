"""A school succeeds one school or several, and none of them succeeds it."""

from pathlib import Path

import pytest
from sqlalchemy.orm import Session

from shared.schools.models import School
from tests.deliveries.delivery_files import (
    DeliveryFiles,
    correction,
    full,
    import_refused,
    places,
    run_import,
)
from tests.deliveries.delivery_rows import import_applied

FIRST, SECOND = "000028", "007947"


def with_predecessors(sequence: int, **predecessors: str) -> DeliveryFiles:
    """Return a full delivery with the predecessors of its two schools, `first` and `second`."""
    delivery = full(sequence)
    delivery.manifest["formatVersion"] = "1.1"
    for line, school in enumerate(("first", "second"), 2):
        delivery.set("schools.csv", line, "successor_of", predecessors.get(school, ""))
    return delivery


def test_merged_school_has_several_predecessors(session: Session, tmp_path: Path) -> None:
    import_applied(session, with_predecessors(1, first="000019|000027"), tmp_path)

    assert session.get_one(School, FIRST).successor_of == ["000019", "000027"]
    assert session.get_one(School, SECOND).successor_of is None


def test_students_of_a_merger_do_not_count_as_removed(session: Session, tmp_path: Path) -> None:
    import_applied(session, full(), tmp_path)
    merged = full(2)
    merged.manifest |= {"formatVersion": "1.1", "allowRemovals": 0}
    merged.add("schools.csv", "000036", "Wilg en Linde", "Genk", "211", "", f"{FIRST}|{SECOND}")
    merged.remove("schools.csv", 3)
    merged.remove("schools.csv", 2)
    merged.remove("students.csv", 7)  # s5 was enrolled in both
    for file in ("class_groups.csv", "students.csv"):
        for row in merged.rows[file][1:]:
            row[row.index(FIRST if FIRST in row else SECOND)] = "000036"
    merged.set("students.csv", 5, "stamnummer", "1000009")

    import_applied(session, merged, tmp_path)


REFUSED = {
    "itself": ({"second": SECOND}, [("successorOfItself", 3)]),
    "itself among others": ({"second": f"000019|{SECOND}"}, [("successorOfItself", 3)]),
    "one twice": ({"first": "000019|000019"}, [("duplicatePredecessor", 2)]),
    "a circle": (
        {"first": SECOND, "second": f"000019|{FIRST}"},
        [("successorCircle", 2), ("successorCircle", 3)],
    ),
    "a chain": ({"first": f"000019|{SECOND}", "second": "000027"}, [("successorChain", 2)]),
    "no number": ({"first": "000019|27"}, [("schoolNumber", 2)]),
    "an empty number": ({"first": "000019|"}, [("schoolNumber", 2)]),
    "too many": ({"first": "|".join(f"{n:06}" for n in range(21))}, [("schoolNumber", 2)]),
}


@pytest.mark.parametrize("name", REFUSED)
def test_impossible_predecessor_is_refused_by_name(
    session: Session, tmp_path: Path, name: str
) -> None:
    predecessors, expected = REFUSED[name]

    report = import_refused(session, with_predecessors(2, **predecessors), tmp_path)

    assert [(kind, line) for kind, _, line, _ in report["places"]] == expected
    values = [predecessors[("first", "second")[line - 2]] for _, line in expected]
    assert [fault["value"] for fault in report["faults"]] == [
        value if len(value) <= 80 else f"{value[:79]}…" for value in values
    ]


def test_correction_makes_no_circle_with_a_stored_school(session: Session, tmp_path: Path) -> None:
    import_applied(session, with_predecessors(1, second=FIRST), tmp_path)
    rows = [[FIRST, "De Wilg", "Genk", "211", "", SECOND]]

    outcome = run_import(session, correction(2, schools=rows).write(tmp_path / "second"))

    assert [(kind, line) for kind, _, line, _ in places(outcome)] == [("successorCircle", 2)]
