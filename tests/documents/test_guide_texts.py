"""The texts of the reading guides: every language has every word, in short sentences."""

import re
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from string import Formatter

import pytest

from shared.core.drawable_text import undrawable_characters
from shared.documents.fiche_texts import DUTCH_FICHE, DUTCH_STATUSES
from shared.documents.reading_guides.guide_texts import GuideTexts
from shared.documents.reading_guides.languages.dutch import DUTCH_GUIDE
from shared.documents.reading_guides.languages.english import ENGLISH
from shared.documents.reading_guides.texts import GUIDE_TEXTS

every_language = pytest.mark.parametrize("texts", GUIDE_TEXTS, ids=lambda one: one.language)

SAME_IN_OTHER_LANGUAGES = {"version", "page"}
MAX_WORDS, MAX_WORDS_ON_AVERAGE = 18, 9.0


def words_of(value: object, name: str = "") -> Iterator[tuple[str, str]]:
    """Yield the name of each text with the text."""
    if isinstance(value, str):
        yield name, value
    elif isinstance(value, tuple):
        for number, one in enumerate(value):
            yield from words_of(one, f"{name}[{number}]")
    elif is_dataclass(value):
        for field in fields(value):
            yield from words_of(getattr(value, field.name), f"{name}.{field.name}".strip("."))


def placeholders_of(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name is not None}


def sentences_of(texts: GuideTexts) -> list[list[str]]:
    """Return the words of each sentence; a label is no sentence."""
    found = [
        re.findall(r"[\w\u2019]+", sentence)
        for _, text in words_of(texts)
        if text.endswith((".", "?"))
        for sentence in re.split(r"(?<=[.?:])\s", text)
    ]
    return [words for words in found if words]


def test_there_is_a_guide_in_each_language_once_in_order() -> None:
    languages = [texts.language for texts in GUIDE_TEXTS]
    assert languages == ["de", "en", "fr", "nl", "pl", "ro", "tr", "uk"]
    for name in ("name", "dutch_name", "title"):
        assert len({getattr(texts, name) for texts in GUIDE_TEXTS}) == len(GUIDE_TEXTS)


@every_language
def test_no_language_lacks_a_word(texts: GuideTexts) -> None:
    own, dutch = dict(words_of(texts)), dict(words_of(DUTCH_GUIDE))
    assert own.keys() == dutch.keys()
    assert len(own) > 40
    for name, text in own.items():
        assert text.strip() == text != "", name
        assert text.endswith((".", "?")) == dutch[name].endswith((".", "?")) or "title" in name, (
            name
        )


@every_language
def test_no_text_was_left_in_another_language(texts: GuideTexts) -> None:
    for other in GUIDE_TEXTS:
        if other.language != texts.language:
            there = dict(words_of(other))
            same = {name for name, text in words_of(texts) if there[name] == text}
            assert same <= SAME_IN_OTHER_LANGUAGES, other.language


@every_language
def test_placeholders_are_those_of_the_dutch_texts(texts: GuideTexts) -> None:
    dutch = dict(words_of(DUTCH_GUIDE))
    for name, text in words_of(texts):
        assert placeholders_of(text) == placeholders_of(dutch[name]), name
    assert placeholders_of(texts.front.alternative) == {"first", "last"}


@every_language
def test_sentences_are_short(texts: GuideTexts) -> None:
    lengths = [len(words) for words in sentences_of(texts)]
    assert len(lengths) > 50
    assert max(lengths) <= MAX_WORDS
    assert sum(lengths) / len(lengths) <= MAX_WORDS_ON_AVERAGE


@every_language
def test_no_text_has_a_digit_a_percentage_or_a_straight_quote(texts: GuideTexts) -> None:
    assert not [text for _, text in words_of(texts) if re.search(r"[\d%'\"]", text)]


@every_language
def test_the_fonts_can_draw_every_letter(texts: GuideTexts) -> None:
    for name, text in words_of(texts):
        assert not undrawable_characters(text), name


def test_a_guide_explains_every_status_and_question_of_a_fiche() -> None:
    statuses = [re.sub(r"(?<!^)([A-Z])", r"_\1", code).lower() for code in DUTCH_STATUSES]
    assert [field.name for field in fields(ENGLISH.statuses)] == ["title", *statuses]
    assert {len(texts.questions) for texts in GUIDE_TEXTS} == {len(DUTCH_FICHE.questions)}
    assert {len(texts.tips) for texts in GUIDE_TEXTS} == {len(DUTCH_FICHE.guide)}
    assert DUTCH_GUIDE.questions == DUTCH_FICHE.questions
    assert DUTCH_GUIDE.tips == DUTCH_FICHE.guide
