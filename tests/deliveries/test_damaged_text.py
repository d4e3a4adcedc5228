"""Text that was damaged upstream is a warning with its place, and never quoted."""

from pathlib import Path

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from shared.core.drawable_text import undrawable_characters
from shared.deliveries.text_checks import needs_checks, signs_of_damage
from shared.students.models import Student
from tests.deliveries.delivery_files import full, import_refused, run_import
from tests.deliveries.delivery_rows import import_applied

DAMAGED = {
    "ZoÃ«": "misreadText",
    "Oâ€™Brien": "misreadText",
    "Å½ofie": "misreadText",
    "Zo√©": "misreadText",
    "Zo├½": "misreadText",
    "Ð²Ð°Ð½": "misreadText",
    "D&#39;Hondt": "htmlEntity",
    "Zo&euml;": "htmlEntity",
    "Ge\u00adert": "invisibleCharacter",
    "An\u200bna": "invisibleCharacter",
    "Li\u202eam": "bidiControl",
    " Els": "blanksAround",
    "Els\u00a0": "blanksAround",
    "De  Smet": "blanksAround",
    "Zo?": "questionMark",
}
INTACT = [
    "Zoë",
    "O\u2019Brien",
    "CAFÉ\u2019S",
    "René\u2013Luc",
    "«Zoé»",
    "D'Hondt",
    "R&D;",
    "Žofie",
    "Maeṣ\u0301",
    "Иван",
    "Ελένη",
    "王小明",
    "=HYPERLINK(1)",
    "√π",
    "A & B",
    "Ünal",
    "Đặng",
    "Ștefan",
]


@pytest.mark.parametrize("name", DAMAGED, ids=ascii)
def test_damaged_name_is_a_warning_with_its_line(
    session: Session, tmp_path: Path, name: str
) -> None:
    delivery = full()
    delivery.set("students.csv", 4, "given_name", name)

    outcome = import_applied(session, delivery, tmp_path)

    (warning,) = outcome.report["warnings"]
    assert warning["kind"] == DAMAGED[name]
    assert (warning["file"], warning["line"], warning["column"]) == (
        *("students.csv", 4),
        "given_name",
    )
    assert warning["remedy"]
    assert name.strip() not in str(outcome.report)
    stored = session.scalars(select(Student.given_name).where(Student.delivered_as == "s3")).one()
    assert stored == name


@pytest.mark.parametrize("name", INTACT, ids=ascii)
def test_intact_name_is_no_warning(session: Session, tmp_path: Path, name: str) -> None:
    delivery = full()
    delivery.set("students.csv", 4, "given_name", name)

    outcome = import_applied(session, delivery, tmp_path)

    kinds = {warning["kind"] for warning in outcome.report["warnings"]}
    assert kinds == ({"undrawableName"} if undrawable_characters(name) else set())


@pytest.mark.parametrize("name", DAMAGED, ids=ascii)
def test_block_with_a_damaged_name_is_checked(name: str) -> None:
    assert needs_checks(f"s1,{name},x\ns2,b,y\n", ",")


def test_every_misread_letter_is_found_and_no_letter_itself() -> None:
    for code in range(0xC0, 0x180):
        misread = chr(code).encode().decode("cp1252", errors="replace")
        if "\ufffd" not in misread:
            assert "misreadText" in signs_of_damage(f"a{misread}", is_name=True), misread
        assert signs_of_damage(f"a{chr(code)}b", is_name=True) == []


def test_lost_characters_are_refused_and_the_others_are_not(
    session: Session, tmp_path: Path
) -> None:
    delivery = full(2)
    delivery.set("students.csv", 2, "family_name", "Zo\ufffd")
    delivery.set("students.csv", 2, "given_name", "\ufffdmile")
    delivery.set("students.csv", 3, "given_name", "ZoÃ«")

    report = import_refused(session, delivery, tmp_path)

    assert report["places"] == [
        ("replacementCharacter", "students.csv", 2, "family_name"),
        ("replacementCharacter", "students.csv", 2, "given_name"),
    ]
    assert report["warningCounts"] == {"misreadText": 1}


@pytest.mark.parametrize(
    ("family_name", "given_name"), [("", "An"), ("Peeters", ""), ("Peeters", " \u00a0\u200b")]
)
def test_student_with_one_name_is_stored(
    session: Session, tmp_path: Path, family_name: str, given_name: str
) -> None:
    delivery = full()
    delivery.set("students.csv", 2, "family_name", family_name)
    delivery.set("students.csv", 2, "given_name", given_name)

    assert run_import(session, delivery.write(tmp_path)).status == "applied"

    student = session.scalars(select(Student).where(Student.delivered_as == "s1")).one()
    assert (student.family_name, student.given_name) == (
        family_name,
        given_name.strip(" \u00a0\u200b"),
    )
