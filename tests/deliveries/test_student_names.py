"""Names of a student code without a word in common are a warning, which quotes no name."""

from pathlib import Path

import pytest
from sqlalchemy.orm import Session

from tests.deliveries.delivery_files import full, run_import
from tests.deliveries.delivery_rows import import_applied
from tests.deliveries.test_identities import AN, STORED, students

NAMES = {
    "another name": ("Janssens", "Bart", 1),
    "another family name": ("Janssens", "An", 0),
    "words in another order": ("An", "Peeters", 0),
    "other case and marks": ("JANSSENS", "ÁN", 0),
    "a longer name": ("Janssens-Peeters", "Anna", 0),
    "no given name": ("Peeters", "", 0),
}


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("mode", ["full", "correction"])
def test_name_with_nothing_in_common_is_a_warning_by_line(
    session: Session, tmp_path: Path, name: str, mode: str
) -> None:
    family_name, given_name, expected = NAMES[name]
    import_applied(session, full(), tmp_path)
    delivery = full(2)
    delivery.set("students.csv", 2, "family_name", family_name)
    delivery.set("students.csv", 2, "given_name", given_name)
    if mode == "correction":
        delivery = students(2, [*AN[:3], family_name, given_name, "", STORED, ""])

    warnings = import_applied(session, delivery, tmp_path).report["warnings"]

    assert [(one["kind"], one["line"]) for one in warnings] == [("otherName", 2)] * expected
    assert not any(word in str(warnings) for word in ("Peeters", "Janssens", "value"))


def test_name_is_compared_with_that_in_another_school(session: Session, tmp_path: Path) -> None:
    import_applied(session, full(), tmp_path)
    delivery = students(2, ["s3", "007947", "4C", "Janssens", "Bart", "", "", ""])

    (warning,) = import_applied(session, delivery, tmp_path).report["warnings"]

    assert (warning["kind"], warning["line"]) == ("otherName", 2)


def test_refused_delivery_compares_no_name_with_stored_ones(
    session: Session, tmp_path: Path
) -> None:
    import_applied(session, full(), tmp_path)
    delivery = students(2, [*AN[:3], "Janssens", "Bart", "12", STORED, ""])

    outcome = run_import(session, delivery.write(tmp_path / "second"))

    assert (outcome.status, outcome.report["warnings"]) == ("refused", [])


def test_two_names_of_a_code_in_one_delivery_are_a_warning(
    session: Session, tmp_path: Path
) -> None:
    delivery = full()
    delivery.set("students.csv", 7, "family_name", "Janssens")
    delivery.set("students.csv", 7, "given_name", "Bart")

    (warning,) = import_applied(session, delivery, tmp_path).report["warnings"]

    assert (warning["kind"], warning["line"]) == ("otherName", 7)
    assert "line 6" in warning["detail"]


def test_words_of_any_script_are_compared(session: Session, tmp_path: Path) -> None:
    first, second = full(), full(2)
    for delivery, given_name in ((first, "Оля"), (second, "Ольга")):
        delivery.set("students.csv", 2, "family_name", "Вовк-Шевченко")
        delivery.set("students.csv", 2, "given_name", given_name)
        delivery.set("schools.csv", 2, "name", "—")
    import_applied(session, first, tmp_path)

    assert import_applied(session, second, tmp_path).report["warnings"] == []
