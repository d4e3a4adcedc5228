"""A sentence about a component has the numbers of its figures, and no others."""

import re
from dataclasses import replace

import pytest

from shared.documents.school_feedback.sentences import (
    component_sentence,
    mean_sentence,
    not_tested_sentence,
    reading_of_levels,
    reference_sentences,
)
from shared.documents.school_feedback.texts import DUTCH_SCHOOL_FEEDBACK
from shared.school_feedback.figures import ComponentFigures, NotTested
from tests.worker.feedback import FEEDBACK, any_feedback, component, hidden, school_row, small

TEXTS = DUTCH_SCHOOL_FEEDBACK
COMPONENTS = [
    one
    for content in (*FEEDBACK.values(), *map(any_feedback, range(60)))
    for one in content.components()
]


def numbers(text: str) -> list[int]:
    return [int(number) for number in re.findall(r"(?<!N)\b\d+", text)]


def expected(figures: ComponentFigures) -> list[int]:
    """Return the numbers that a sentence has to have, in their order, from the counts alone."""
    row = figures.school_row
    if row.counts is None:
        return []
    students = sum(row.counts)
    found: list[int] = []
    for mark in ("attains_basic_literacy", "attains_final_objectives"):
        marks = [getattr(level, mark) for level in figures.levels]
        if None in marks:
            continue
        found += [
            sum(count for count, mark in zip(row.counts, marks, strict=True) if mark),
            students,
        ]
        if mark == "attains_final_objectives":
            shares = [one.final_objectives for one in figures.references if one.name == "flanders"]
            found += [round(100 * share) for share in shares if share is not None]
    if found:
        return found
    labels = [numbers(level.label) for level in figures.levels]
    pairs = zip(row.counts, labels, strict=True)
    return [students, *(number for count, own in pairs for number in (count, *own))]


@pytest.mark.parametrize("figures", COMPONENTS, ids=range(len(COMPONENTS)))
def test_the_numbers_of_a_sentence_are_those_of_the_figures(figures: ComponentFigures) -> None:
    assert numbers(component_sentence(figures, TEXTS)) == expected(figures)


def test_a_sentence_of_hidden_figures_has_no_number_and_no_reason() -> None:
    assert component_sentence(hidden(), TEXTS) == TEXTS.sentences.nothing_shown
    assert numbers(TEXTS.sentences.nothing_shown) == []


def test_figures_without_the_latest_corrections_say_so() -> None:
    assert TEXTS.sentences.late_corrections in component_sentence(small(), TEXTS)
    assert TEXTS.sentences.late_corrections not in component_sentence(component(), TEXTS)


def test_small_numbers_of_students_without_a_level_are_no_numbers() -> None:
    sentence = not_tested_sentence(component(not_tested=NotTested(None, 7, 12)), TEXTS)
    assert "afwezig minder dan 5, vrijgesteld 7, niet voltooid 12" in sentence
    assert not_tested_sentence(hidden(), TEXTS) == ""


def test_students_for_whom_the_component_was_not_meant_are_apart() -> None:
    assert "Voor 2 leerlingen" in not_tested_sentence(component(), TEXTS)
    rows = (school_row(1, 2, 3, 4, 5),)
    assert "Voor" not in not_tested_sentence(component(rows=rows), TEXTS)


def test_each_reference_has_its_origin_and_similar_schools_are_explained() -> None:
    delivered, computed, similar = reference_sentences(component(), TEXTS)
    assert "Vlaanderen" in delivered
    assert "Vergelijkbare scholen" in computed
    assert similar == TEXTS.similar
    only = replace(component(), references=component().references[:1])
    assert len(list(reference_sentences(only, TEXTS))) == 1


def test_the_number_after_a_mean_is_explained_where_there_is_a_mean() -> None:
    assert "±" in mean_sentence(component(), TEXTS)
    assert mean_sentence(small(), TEXTS) == ""


def test_the_level_in_the_middle_is_not_the_average() -> None:
    assert "niveau C is niet het gemiddelde" in reading_of_levels(component(), TEXTS)
