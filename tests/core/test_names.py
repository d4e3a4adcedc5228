"""Names that people cannot confuse."""

import pytest

from shared.core.errors import InvalidInput
from shared.core.names import require_name, skeleton

VENDOR = "Book App 10"


@pytest.mark.parametrize(
    "name",
    [
        "book app 10",
        "Book App 10 ",
        "Book  App 10",
        "Book-App 10",
        "\uff22ook App 10",
        "B\u00f6ok App 10",
        "Book App lo",
        "Book App IO",
        "Book App\u00a010",
    ],
)
def test_names_that_look_alike_have_one_skeleton(name: str) -> None:
    assert skeleton(name) == skeleton(VENDOR)


@pytest.mark.parametrize(
    ("name", "other"),
    [
        ("Cloud", "doud"),
        ("C1oud", "Doud"),
        ("Modern", "Modem"),
        ("Vvereld", "Wereld"),
        ("vw", "wv"),
        ("5chool", "School"),
        ("8oek", "Boek"),
        ("2orro", "Zorro"),
        ("O0o", "0oO"),
        ("Il1|", "lIi1"),
        ("Œuvre", "Oeuvre"),
        ("Læs", "Laes"),
        ("Straße", "Strasse"),
        ("Ðata", "Data"),
        ("Pa$$", "Pass"),
        ("Te\u00d7t", "Text"),
    ],
)
def test_letters_and_digits_of_one_shape_have_one_skeleton(name: str, other: str) -> None:
    assert skeleton(name) == skeleton(other)


@pytest.mark.parametrize("name", ["Book App 11", "Book Apps 10", "Cook App 10"])
def test_other_names_have_other_skeletons(name: str) -> None:
    assert skeleton(name) != skeleton(VENDOR)


@pytest.mark.parametrize(
    "name",
    [
        "Book \u0430pp",
        "\u0391pp",
        "B\u0251ok",
        "\u0661",
        "App \u2460\u0661",
        "---",
        "\U0001f600 App",
    ],
)
def test_names_have_latin_letters(name: str) -> None:
    with pytest.raises(InvalidInput, match="Latin letters"):
        require_name("name", name)


@pytest.mark.parametrize(
    "name", ["Žofie's app (test) \u2013 2026", "Čelik & Øre", "client 0f3a-11"]
)
def test_names_with_accents_and_punctuation_are_accepted(name: str) -> None:
    require_name("name", name)
