"""Codes and names are compared as they look; those that nearly look alike are a warning."""

from pathlib import Path

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from shared.students.models import ClassGroup, Student
from tests.deliveries.delivery_files import DeliveryFiles, correction, full, import_refused
from tests.deliveries.delivery_rows import current_results, import_applied, items

COMPOSED, DECOMPOSED = "4\u00e9", "4e\u0301"
FORMS = ["4A ", " 4A", "4A\u00a0", "4A\u200b", "\u202a4A\u202c"]


def class_groups(session: Session) -> list[str]:
    query = select(ClassGroup.name).where(ClassGroup.removed_at.is_(None)).order_by(ClassGroup.name)
    return list(session.scalars(query.where(ClassGroup.school_id == "000028")))


def with_class_group(name: str, *others: str) -> DeliveryFiles:
    """Return a full delivery with the class group in place of 4A, and others of one student."""
    delivery = full()
    delivery.set("class_groups.csv", 2, "class_group", name)
    for line in (2, 3):
        delivery.set("students.csv", line, "class_group", name)
    for number, other in enumerate(others):
        delivery.add("class_groups.csv", "000028", other, "LO4", "1", "Hoofdvestiging")
        delivery.add("students.csv", f"x{number}", "000028", other, "Baert", "Eva", "", "")
    return delivery


@pytest.mark.parametrize("form", FORMS, ids=ascii)
def test_reference_in_another_form_is_found(session: Session, tmp_path: Path, form: str) -> None:
    delivery = full()
    delivery.set("students.csv", 2, "class_group", form)

    import_applied(session, delivery, tmp_path)

    assert class_groups(session) == ["4A", "4B"]


def test_composed_and_decomposed_names_are_one(session: Session, tmp_path: Path) -> None:
    delivery = with_class_group(COMPOSED)
    delivery.set("students.csv", 3, "class_group", DECOMPOSED)

    report = import_applied(session, delivery, tmp_path).report

    assert class_groups(session) == ["4B", COMPOSED]
    assert report["warnings"] == []


def test_class_groups_in_two_forms_are_one_with_a_warning(session: Session, tmp_path: Path) -> None:
    delivery = with_class_group(COMPOSED, DECOMPOSED, f"{COMPOSED} ")

    report = import_applied(session, delivery, tmp_path).report

    assert class_groups(session) == ["4B", COMPOSED]
    places = [(found["file"], found["line"]) for found in report["warnings"]]
    assert report["warningCounts"]["lookAlike"] == 2
    assert {("class_groups.csv", 6), ("class_groups.csv", 7)} <= set(places)
    group = select(ClassGroup.id).where(ClassGroup.name == COMPOSED).scalar_subquery()
    codes = session.scalars(select(Student.delivered_as).where(Student.class_group_id == group))
    assert set(codes) == {"s1", "s2", "x0", "x1"}


def test_class_groups_in_two_forms_that_contradict_are_duplicates(
    session: Session, tmp_path: Path
) -> None:
    delivery = full(2)
    delivery.add("class_groups.csv", "000028", "4A ", "SO2A", "", "")

    report = import_refused(session, delivery, tmp_path)

    assert report["places"] == [("duplicateKey", "class_groups.csv", 6, "school")]


def test_equal_rows_stay_duplicates(session: Session, tmp_path: Path) -> None:
    delivery = full(2)
    for name in ("4A", "4A "):
        delivery.add("class_groups.csv", "000028", name, "LO4", "1", "Hoofdvestiging")

    report = import_refused(session, delivery, tmp_path)

    assert report["faultCounts"] == {"duplicateKey": 2}


@pytest.mark.parametrize("name", ["4a", "4 A"], ids=ascii)
def test_class_groups_that_look_alike_are_a_warning(
    session: Session, tmp_path: Path, name: str
) -> None:
    report = import_applied(session, with_class_group("4A", name), tmp_path).report

    assert class_groups(session) == sorted(["4A", "4B", name])
    (warning,) = report["warnings"]
    assert (warning["kind"], warning["line"]) == ("lookAlike", 6)
    assert "line 2" in warning["detail"]


LOOK_ALIKES = {
    "target_groups.csv": ("target_group", ("lo4", "Vierde leerjaar", "lager", "4", "")),
    "components.csv": (
        "component",
        ("lez4", "LO4", "nederlands", "Begrijpen", "4", "false", "LO"),
    ),
    "levels.csv": ("level", ("LO", "c", "4", "Niveau 4", "")),
}


@pytest.mark.parametrize("file", LOOK_ALIKES)
def test_codes_that_look_alike_are_a_warning(session: Session, tmp_path: Path, file: str) -> None:
    delivery = full()
    column, values = LOOK_ALIKES[file]
    delivery.add(file, *values)

    (warning,) = import_applied(session, delivery, tmp_path).report["warnings"]

    assert (warning["kind"], warning["file"], warning["column"]) == ("lookAlike", file, column)


def test_class_groups_of_two_schools_may_look_alike(session: Session, tmp_path: Path) -> None:
    delivery = full()
    delivery.add("class_groups.csv", "007947", "4a", "LO4", "", "")

    assert import_applied(session, delivery, tmp_path).report["warnings"] == []


def test_every_code_is_found_in_another_form(session: Session, tmp_path: Path) -> None:
    """All columns but names and texts have blanks around and an invisible character."""
    delivery = full()
    texts = {"name", "label", "text", "municipality", "site_name", "family_name", "given_name"}
    for rows in delivery.rows.values():
        header, *records = rows
        for number, row in enumerate(records):
            if number % 2:
                row[:] = [
                    value if name in texts or not value else f" {value}\u200b "
                    for name, value in zip(header, row, strict=True)
                ]
    plain = full(2)

    import_applied(session, delivery, tmp_path)
    before = current_results(session), items(session), class_groups(session)
    changes = import_applied(session, plain, tmp_path).report["changes"]

    assert (current_results(session), items(session), class_groups(session)) == before
    assert {
        name: sum(change.values()) for name, change in changes.items() if name != "results"
    } == {name: 0 for name in changes if name != "results"}
    assert changes["results"]["unchanged"] == len(plain.rows["results.csv"]) - 1


def test_correction_finds_what_was_delivered_in_another_form(
    session: Session, tmp_path: Path
) -> None:
    import_applied(session, with_class_group(COMPOSED), tmp_path)

    row = ["s1 ", "000028", DECOMPOSED, "Peeters", "Anna", "", ""]
    import_applied(session, correction(2, students=[row]), tmp_path)

    names = select(Student.given_name).where(Student.delivered_as == "s1")
    assert session.scalars(names).all() == ["Anna"]
