"""Texts that documents cannot draw are found at import, before they fail thousands of fiches."""

from pathlib import Path

import pytest
from sqlalchemy.orm import Session

from shared.core.drawable_text import undrawable_characters
from shared.deliveries.delivery_format import CSV_FILES
from shared.deliveries.drawable_checks import _REPLACEMENTS
from tests.deliveries.delivery_changes import set_administration_member
from tests.deliveries.delivery_files import full, import_refused, insz, places, run_import

WORD_BULLETS = Path(__file__).parents[1] / "data" / "word-bullets"
SHARED = [
    (file.name, column.name)
    for file in CSV_FILES
    for column in file.columns
    if column.is_drawn and not column.is_personal
]


def test_the_texts_on_a_fiche_are_checked() -> None:
    assert SHARED == [
        ("target_groups.csv", "name"),
        ("components.csv", "name"),
        ("levels.csv", "level"),
        ("levels.csv", "label"),
        ("level_descriptions.csv", "text"),
        ("schools.csv", "name"),
        ("schools.csv", "municipality"),
        ("class_groups.csv", "class_group"),
        ("class_groups.csv", "site_name"),
    ]


@pytest.mark.parametrize(("file", "column"), SHARED)
def test_sign_that_no_font_has_is_refused_in_a_shared_text(
    session: Session, tmp_path: Path, file: str, column: str
) -> None:
    delivery = full(2)
    line = len(delivery.rows[file])
    delivery.set(file, line, column, "\uf0b7 1é")

    faults = import_refused(session, delivery, tmp_path)["faults"]

    found = [fault for fault in faults if fault["kind"] == "undrawableText"]
    assert [(fault["file"], fault["line"], fault["column"]) for fault in found] == [
        (file, line, column)
    ]
    assert "U+F0B7" in found[0]["detail"]
    assert found[0]["remedy"] == "Write • (U+2022, bullet) instead of U+F0B7."
    assert found[0]["value"] == "\uf0b7 1é"


def test_sign_that_no_font_has_is_refused_in_the_name_of_the_administration(
    session: Session, tmp_path: Path
) -> None:
    delivery = full(2)
    set_administration_member("name", "Toetsen \U0001f389")(delivery)

    report = import_refused(session, delivery, tmp_path)

    assert report["places"] == [("undrawableText", "administration.json", None, "name")]
    assert "U+1F389" in report["faults"][0]["remedy"]


def test_each_sign_of_a_text_is_named_with_its_replacement(
    session: Session, tmp_path: Path
) -> None:
    delivery = full(2)
    text = "Telt.\n\uf0fc Rekent \uf0e0 20 ㎡\n\uf0c1 漢"
    delivery.set("level_descriptions.csv", 3, "text", "x" * 200 + text)

    (fault,) = import_refused(session, delivery, tmp_path)["faults"]

    assert "U+33A1, U+6F22, U+F0C1, U+F0E0, U+F0FC" in fault["detail"]
    assert "Write m2 (U+006D U+0032) instead of U+33A1." in fault["remedy"]
    assert "instead of the sign U+6F22." in fault["remedy"]
    assert "instead of the sign of a font such as Wingdings U+F0C1." in fault["remedy"]
    assert "Write → (U+2192, rightwards arrow) instead of U+F0E0." in fault["remedy"]
    assert "Write ✓ (U+2713, check mark) instead of U+F0FC." in fault["remedy"]
    assert "\uf0fc" in fault["value"]
    assert len(fault["value"]) <= 60


def test_text_with_a_number_of_a_person_is_not_quoted(session: Session, tmp_path: Path) -> None:
    delivery = full(2)
    number = insz("850101001")
    delivery.set("level_descriptions.csv", 3, "text", f"\uf0b7 {'x' * 30} {number}")

    (fault,) = import_refused(session, delivery, tmp_path)["faults"]

    assert "value" not in fault
    assert number[:6] not in str(fault)


def test_signs_of_mathematics_and_dutch_are_accepted_in_every_text(
    session: Session, tmp_path: Path
) -> None:
    delivery = full()
    signs = "→←↔⇒ ∠△⊥∥√∞≈≠≤≥±÷½¼²³°π∑∈∉⊂∩ℝ ✓✗☐☑ •◦▪‣ „één”…"  # noqa: RUF001
    for file, column in SHARED:
        if column not in ("level", "class_group"):  # keys, which other files refer to
            delivery.set(file, 2, column, signs)
    delivery.set("students.csv", 2, "family_name", signs)

    outcome = run_import(session, delivery.write(tmp_path / "first"))

    assert outcome.status == "applied", outcome.report["faults"]
    assert outcome.report["warningCounts"] == {}


def test_name_that_no_font_can_draw_is_a_warning(session: Session, tmp_path: Path) -> None:
    delivery = full()
    delivery.set("students.csv", 3, "given_name", "美麗")

    outcome = run_import(session, delivery.write(tmp_path / "first"))

    assert outcome.status == "applied"
    assert outcome.report["warningCounts"] == {"undrawableName": 1}
    (warning,) = outcome.report["warnings"]
    assert (warning["file"], warning["line"], warning["column"]) == (
        "students.csv",
        3,
        "given_name",
    )
    assert "value" not in warning
    assert "U+7F8E and 1 more" in warning["detail"]
    assert "麗" not in str(warning)


@pytest.mark.parametrize(("file", "column"), [one for one in SHARED if one[1] != "site_name"])
def test_text_without_a_visible_character_is_missing(
    session: Session, tmp_path: Path, file: str, column: str
) -> None:
    delivery = full(2)
    line = len(delivery.rows[file])
    delivery.set(file, line, column, "\u200b\u00ad\u00a0")

    report = import_refused(session, delivery, tmp_path)

    assert ("missingValue", file, line, column) in report["places"]


def test_student_without_a_visible_name_is_refused(session: Session, tmp_path: Path) -> None:
    delivery = full(2)
    delivery.set("students.csv", 3, "family_name", "\u200d")
    delivery.set("students.csv", 3, "given_name", "\u202e")

    report = import_refused(session, delivery, tmp_path)

    assert report["places"] == [("missingValue", "students.csv", 3, "family_name")]


def test_invisible_characters_in_a_text_are_accepted(session: Session, tmp_path: Path) -> None:
    delivery = full()
    delivery.set("students.csv", 3, "family_name", "Ge\u00adert\u202e")
    delivery.set("schools.csv", 2, "name", "De\u200b Wilg\ufe0f")

    assert run_import(session, delivery.write(tmp_path / "first")).status == "applied"


def test_replacements_are_drawable_and_what_they_replace_is_not() -> None:
    assert not any(map(undrawable_characters, _REPLACEMENTS.values()))
    assert all(map(undrawable_characters, _REPLACEMENTS))


def test_bullets_of_a_word_processor_in_a_description_are_refused(session: Session) -> None:
    outcome = run_import(session, WORD_BULLETS)

    assert places(outcome) == [("undrawableText", "level_descriptions.csv", 9, "text")]
    (fault,) = outcome.report["faults"]
    assert fault["remedy"] == "Write • (U+2022, bullet) instead of U+F0B7."
