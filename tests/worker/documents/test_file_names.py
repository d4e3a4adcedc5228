"""File names are unique in a folder and accepted by every operating system."""

from dataclasses import replace
from unicodedata import normalize

import pytest

from services.worker.documents.file_names import FileNames, safe_file_name
from tests.worker.contents import ADMINISTRATION, NASTY_NAMES, fiche

KIND = "Feedbackfiche Vlaamse toetsen 2024 \N{EN DASH} "


def test_the_file_name_of_a_fiche_has_the_tests_and_the_name_of_the_student() -> None:
    names = FileNames()
    assert names.fiche(fiche()) == f"{KIND}Jacobs Žofie.pdf"
    assert names.fiche(fiche()) == f"{KIND}Jacobs Žofie (2).pdf"
    assert names.fiche(fiche(family_name="JACOBS")) == f"{KIND}JACOBS Žofie (3).pdf"


def test_a_taken_name_is_used_by_nobody_else_regardless_of_case() -> None:
    names = FileNames(taken=("Leeswijzers",))
    assert [names.folder(one) for one in ("LEESWIJZERS", "4A")] == ["LEESWIJZERS (2)", "4A"]


def test_a_long_name_of_the_tests_leaves_room_for_the_student() -> None:
    administration = replace(ADMINISTRATION, name="Vlaamse toetsen " * 12)
    name = FileNames().fiche(fiche(administration=administration))
    assert name == "Feedbackfiche Vlaamse toetsen Vlaamse toetsen Vla \N{EN DASH} Jacobs Žofie.pdf"


@pytest.mark.parametrize(("family_name", "given_name"), [("", "Noor"), ("Noor", "")])
def test_the_file_of_a_student_with_one_name_has_that_name(
    family_name: str, given_name: str
) -> None:
    content = fiche(family_name=family_name, given_name=given_name)
    assert FileNames().fiche(content) == f"{KIND}Noor.pdf"


def test_class_groups_that_look_alike_have_different_folders() -> None:
    names = FileNames()
    folders = [names.folder(name) for name in ("4\u00e9", "4e\u0301", "4É", "4é ", "4\u200bé")]
    assert len({normalize("NFC", folder).casefold() for folder in folders}) == len(folders)


def test_each_class_group_of_a_school_has_a_unique_folder() -> None:
    names = FileNames()
    class_groups = ("4A", "4a", "4/B", "4-B", "..", "con", "4A ")
    assert [names.folder(class_group) for class_group in class_groups] == [
        *("4A", "4a (2)", "4-B", "4-B (2)", "zonder naam", "_con", "4A (3)")
    ]


def test_file_names_of_bundles_and_overviews() -> None:
    names, tests = FileNames(), "Vlaamse toetsen 2024"
    assert names.bundle(tests, "4/A") == "Feedbackfiches Vlaamse toetsen 2024 \N{EN DASH} 4-A.zip"
    assert names.print_file(tests, "..") == (
        "Feedbackfiches Vlaamse toetsen 2024 \N{EN DASH} zonder naam.pdf"
    )
    assert names.overview(tests, "000028") == (
        "Overzicht klassenraad Vlaamse toetsen 2024 \N{EN DASH} 000028.xlsx"
    )


@pytest.mark.parametrize("name", [*NASTY_NAMES, "", ".", "Ž" * 100, "x\u202egpj.exe", "a\x00\nb"])
def test_any_name_gives_a_file_name_that_every_system_accepts(name: str) -> None:
    member = FileNames().fiche(fiche(family_name=name, given_name=name or "Noor"))
    assert len(member.encode()) <= 120
    assert not set(member) & set('<>:"/\\|?*')
    assert member.isprintable()
    assert member[0] not in "=+-@. "
    assert member.removesuffix(".pdf").rstrip(" .") == member.removesuffix(".pdf")


@pytest.mark.parametrize("name", ["CON", "nul", "Com1", "LPT¹", "aux.", "prn. x"])
def test_names_that_windows_reserves_get_a_prefix(name: str) -> None:
    assert safe_file_name(name, 116).startswith("_")


def test_ordinary_names_are_unchanged() -> None:
    for name in ("De Smet-Öztürk Inès", "'t Kindt Jan", "Ó Súilleabháin", "Contreras", "王 小明"):
        assert safe_file_name(name, 116) == name


def test_a_long_name_is_cut_between_letters_and_stays_unique() -> None:
    names = FileNames()
    long = "x\u0323\u0301" * 60
    first, second = (names.fiche(fiche(family_name=long)) for _ in range(2))
    assert first != second
    assert second.endswith(" (2).pdf")
    assert first.removesuffix(".pdf").replace("x\u0323\u0301", "") == KIND
