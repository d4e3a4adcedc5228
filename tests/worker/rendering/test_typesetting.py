"""Letters of all shipped scripts, their marks, and lines that fit."""

from unicodedata import normalize

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.worker.rendering.fiche import draw_fiche
from services.worker.rendering.fonts import UndrawableTextError, faces
from services.worker.rendering.typesetting import (
    balanced,
    graphemes,
    set_line,
    tidy,
    undrawable,
    wrap,
)
from tests.worker.rendering.conftest import READS, fiche, page_texts

LETTERS = [
    chr(code)
    for first, last in (
        (0x21, 0x7E),
        (0xA1, 0x24F),
        (0x386, 0x481),
        (0x48A, 0x52F),
        (0x1E00, 0x1EFF),
    )
    for code in range(first, last + 1)
    if chr(code).isalpha() and not 0x3E2 <= code <= 0x3EF  # Coptic stands among the Greek
]
MARKS = "\u0300\u0301\u0302\u0303\u0304\u0306\u0307\u0308\u030a\u030b\u030c\u0323\u0327\u0328\u0331"


@st.composite
def names(draw: st.DrawFn) -> str:
    words = draw(
        st.lists(
            st.lists(
                st.tuples(st.sampled_from(LETTERS), st.text(MARKS, max_size=2)),
                min_size=1,
                max_size=9,
            ),
            min_size=1,
            max_size=3,
        )
    )
    return " ".join("".join(letter + marks for letter, marks in word) for word in words)


def _faces_of(text: str, *, bold: bool = False) -> list[tuple[str, str]]:
    return [(piece.face.name, piece.text) for piece in set_line(text, bold=bold).pieces]


@given(names())
@settings(max_examples=50, deadline=None)
def test_names_in_latin_greek_and_cyrillic_with_any_marks_can_be_read_back(name: str) -> None:
    text = page_texts(draw_fiche(fiche(given_name=name, family_name="Peeters")))[0]
    assert f"{tidy(name)}Peeters".replace(" ", "") in normalize("NFC", text).replace(" ", "")


def test_every_letter_of_the_promised_scripts_is_drawn() -> None:
    assert not undrawable(" ".join(LETTERS))


def test_a_word_keeps_to_one_face() -> None:
    assert _faces_of("Trần Louise") == [("Wide", "Trần "), ("Regular", "Louise")]
    assert _faces_of("Žofie Đorđević") == [("Regular", "Žofie Đorđević")]
    assert _faces_of("Вовк", bold=True) == [("Wide", "Вовк")]


def test_marks_that_have_no_composed_letter_are_placed_around_it() -> None:
    piece = set_line("x\u0302").pieces[0]
    box = piece.face.box
    mark = piece.marks[0]
    middle = (box("x").left + box("x").right) / 2
    assert mark.x + (box(mark.text).left + box(mark.text).right) / 2 == pytest.approx(middle)
    assert box(mark.text).bottom + mark.y >= box("x").top


@pytest.mark.parametrize(
    ("letter", "mark", "is_above"),
    [("X", "\u0302", True), ("g", "\u0323", False), ("l", "\u0307", True)],
)
def test_marks_clear_tall_and_deep_letters(letter: str, mark: str, *, is_above: bool) -> None:
    line = set_line("Я" + letter + mark)
    piece = next(piece for piece in line.pieces if piece.marks)
    base, box, placed = piece.face.box(letter), piece.face.box(mark), piece.marks[0]
    if is_above:
        assert box.bottom + placed.y > base.top
    else:
        assert box.top + placed.y < base.bottom


def test_stacked_marks_do_not_cover_each_other() -> None:
    piece = set_line("x\u0302\u0301").pieces[0]
    lower, upper = piece.marks
    box = piece.face.box
    assert box(upper.text).bottom + upper.y > box(lower.text).top + lower.y


def test_invisible_characters_and_kinds_of_space_are_tidied() -> None:
    assert tidy("\tNoor\u200b \u00advan\u2003der\u00a0Aa\ufe0f ") == "Noor van der\u00a0Aa"
    assert list(graphemes("aa\u0323\u0301b")) == ["a", "a\u0323\u0301", "b"]


def test_control_characters_cannot_be_drawn() -> None:
    assert undrawable("a\x01b") == {"\x01"}
    with pytest.raises(UndrawableTextError, match=r"U\+0001 in class_group"):
        draw_fiche(fiche(class_group="4\x01A"))


def test_a_mark_without_its_letter_in_any_face_is_named_with_it() -> None:
    assert undrawable("e\u05b0") == {"\u05b0"}


def test_lines_fit_their_width_and_lose_nothing() -> None:
    text = f"{READS} {'x' * 200} {READS}"
    lines = wrap(text, 10.5, 296.0)
    assert max(line.width * 10.5 for line in lines) <= 296.0
    drawn = "".join(line.text for line in lines)
    assert drawn.replace(" ", "") == text.replace(" ", "")


def test_balanced_lines_are_as_few_and_end_without_a_lonely_word() -> None:
    text = "Lost eenvoudige vraagstukken in één stap op met kleine getallen op papier."
    plain, even = wrap(text, 10.5, 296.0), balanced(text, 10.5, 296.0)
    assert len(plain) == len(even) == 2
    assert even[-1].width > 0.7 * even[0].width


def test_line_feeds_in_a_delivered_text_start_new_lines() -> None:
    assert len(wrap("Leest.\nSchrijft.\n\nRekent.", 10.5, 296.0)) == 3


def test_fallback_letters_are_as_tall_as_the_first_choice() -> None:
    first, second = faces().regular
    assert second.box("x").top == pytest.approx(first.box("x").top, rel=0.03)
    assert second.box("H").top == pytest.approx(first.box("H").top, rel=0.03)
