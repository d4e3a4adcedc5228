"""Typesetting covers all shipped scripts, places marks and breaks lines."""

from unicodedata import normalize

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.worker.layout.fonts import UndrawableTextError, font_faces
from services.worker.layout.typesetting import typeset_line, wrap_balanced, wrap_text
from shared.core.drawable_text import normalize_text, undrawable_characters
from tests.worker.contents import READS, fiche, page_texts
from tests.worker.reference_renderer.fiche import draw_fiche

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
    if chr(code).isalpha() and not 0x3E2 <= code <= 0x3EF  # Coptic is in the Greek block
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
    return [(run.face.name, run.text) for run in typeset_line(text, bold=bold).runs]


@given(names())
@settings(max_examples=50, deadline=None)
def test_names_in_latin_greek_and_cyrillic_with_any_marks_are_extracted_intact(name: str) -> None:
    text = page_texts(draw_fiche(fiche(given_name=name, family_name="Peeters")))[0]
    assert f"{normalize_text(name)}Peeters".replace(" ", "") in normalize("NFC", text).replace(
        " ", ""
    )


def test_every_letter_of_the_supported_scripts_is_drawable() -> None:
    assert not undrawable_characters(" ".join(LETTERS))


@pytest.mark.parametrize(
    "name",
    [
        "İpek Şahin",
        "Žofie Đorđević",
        "Nguyễn Thị Ngọc Trần",
        "Adébọ́lá",
        "Ḥusayn Ḏū Ḑ",
        "Ąžuolas ė̃",
        "Вовк-Шевченко",
        "Οδυσσέας",
        "x\u0302\u0323",
        "Ìbùkún ḯ j\u0301",
    ],
)
def test_a_name_is_set_in_one_face(name: str) -> None:
    assert {face for face, _ in _faces_of(name)} == {"Regular"}
    assert {face for face, _ in _faces_of(name, bold=True)} == {"Bold"}


def test_a_word_with_a_letter_that_the_first_face_lacks_is_set_in_the_second() -> None:
    assert _faces_of("ẟelta Louise") == [("Wide", "ẟelta "), ("Regular", "Louise")]


def test_a_letter_without_a_composed_glyph_is_its_letter_with_placed_marks() -> None:
    (run,) = typeset_line("Ḑ").runs
    assert (run.text, [mark.text for mark in run.marks]) == ("D", ["\u0327"])


def test_a_mark_above_replaces_the_dot_of_an_i() -> None:
    assert typeset_line("i\u0312").runs[0].text == "\u0131"
    assert typeset_line("i\u0312").text == "i\u0312"
    assert typeset_line("i\u0325").runs[0].text == "i"


@pytest.mark.parametrize(
    "name", ["प्रिया", "สมชาย", "محمد", "יוסף", "李明", "გიორგი", "Արմեն", "a\u093c"]
)
def test_a_name_in_another_script_is_not_drawable(name: str) -> None:
    assert undrawable_characters(name)


def test_only_a_sign_leaves_the_face_of_its_word() -> None:
    assert _faces_of("∠ABC → a⇒b") == [
        ("Signs", "∠"),
        ("Regular", "ABC → a"),
        ("Signs", "⇒"),
        ("Regular", "b"),
    ]
    assert _faces_of("x ≤ √2 ⊥", bold=True) == [("Bold", "x ≤ √2 "), ("Signs", "⊥")]


def test_signs_have_outlines_and_are_nearly_as_high_as_capitals() -> None:
    first, _, signs = font_faces().regular
    assert all(
        signs.glyph_box(sign).top > signs.glyph_box(sign).bottom for sign in signs.characters
    )
    assert signs.glyph_box("∠").top == pytest.approx(first.glyph_box("H").top, rel=0.05)


def test_signs_take_no_part_in_the_space_between_words() -> None:
    plain, signs = wrap_text("a b", 10.5, 296.0)[0], wrap_text("⊥ ⊥", 10.5, 296.0)[0]
    assert signs.runs[1].face is plain.runs[0].face


def test_marks_without_a_composed_letter_are_placed_around_their_letter() -> None:
    run = typeset_line("x\u0302").runs[0]
    box = run.face.glyph_box
    mark = run.marks[0]
    middle = (box("x").left + box("x").right) / 2
    assert mark.x + (box(mark.text).left + box(mark.text).right) / 2 == pytest.approx(middle)
    assert box(mark.text).bottom + mark.y >= box("x").top


@pytest.mark.parametrize(
    ("letter", "mark", "is_above"),
    [("X", "\u0302", True), ("g", "\u0323", False), ("l", "\u0307", True)],
)
def test_marks_do_not_touch_ascenders_and_descenders(
    letter: str, mark: str, *, is_above: bool
) -> None:
    line = typeset_line("Я" + letter + mark)
    run = next(run for run in line.runs if run.marks)
    base, box, placed = run.face.glyph_box(letter), run.face.glyph_box(mark), run.marks[0]
    if is_above:
        assert box.bottom + placed.y > base.top
    else:
        assert box.top + placed.y < base.bottom


def test_stacked_marks_do_not_overlap() -> None:
    run = typeset_line("x\u0302\u0301").runs[0]
    lower, upper = run.marks
    box = run.face.glyph_box
    assert box(upper.text).bottom + upper.y > box(lower.text).top + lower.y


def test_control_characters_are_not_drawn() -> None:
    with pytest.raises(UndrawableTextError, match=r"U\+0001 in class_group"):
        draw_fiche(fiche(class_group="4\x01A"))


def test_wrapped_lines_fit_their_width_and_keep_all_text() -> None:
    text = f"{READS} {'x' * 200} {READS}"
    lines = wrap_text(text, 10.5, 296.0)
    assert max(line.width * 10.5 for line in lines) <= 296.0
    drawn = "".join(line.text for line in lines)
    assert drawn.replace(" ", "") == text.replace(" ", "")


def test_balanced_lines_are_as_few_and_have_no_short_last_line() -> None:
    text = "Lost eenvoudige vraagstukken in één stap op met kleine getallen op papier."
    plain, even = wrap_text(text, 10.5, 296.0), wrap_balanced(text, 10.5, 296.0)
    assert len(plain) == len(even) == 2
    assert even[-1].width > 0.7 * even[0].width


def test_line_feeds_start_new_lines() -> None:
    assert len(wrap_text("Leest.\nSchrijft.\n\nRekent.", 10.5, 296.0)) == 3


def test_the_fallback_face_has_the_heights_of_the_first_face() -> None:
    first, second, _ = font_faces().regular
    assert second.glyph_box("x").top == pytest.approx(first.glyph_box("x").top, rel=0.03)
    assert second.glyph_box("H").top == pytest.approx(first.glyph_box("H").top, rel=0.03)
