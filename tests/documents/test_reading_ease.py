"""Our Dutch texts for families are easy to read: the formula of Douma, Flesch's for Dutch."""

import re
from collections.abc import Iterator
from dataclasses import fields, is_dataclass

from shared.documents.fiche_texts import DUTCH_FICHE, DUTCH_STATUSES, StatusTexts
from shared.documents.reading_guides.languages.dutch import DUTCH_GUIDE

_VOWELS = re.compile(
    r"aai|ooi|oei|eeu|ieu|eau|éé|aa|ee|oo|uu|ie|oe|eu|ui|ou|au|ij|ei|ai|[aeiouyàáâäèéêëïíîöóôüúû]"
)
_FORMAT_FIELD = re.compile(r"\{\w+\}")
_MIN_READING_EASE, _MAX_WORDS = 80.0, 10.0


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield _FORMAT_FIELD.sub("C", value)
    elif isinstance(value, tuple):
        for one in value:
            yield from _texts(one)
    elif isinstance(value, StatusTexts):
        yield from (value.name, value.for_parents)
    elif is_dataclass(value):
        for field in fields(value):
            yield from _texts(getattr(value, field.name))


def _sentences() -> list[list[str]]:
    """Return the words of each sentence of our own; a label is no sentence."""
    statuses = tuple(DUTCH_STATUSES.values())
    texts = [*_texts(DUTCH_FICHE), *_texts(statuses), *_texts(DUTCH_GUIDE)]
    sentences = [
        re.findall(r"\w+", sentence)
        for text in texts
        if text.endswith((".", "?"))
        for sentence in re.split(r"(?<=[.?:])\s", text)
    ]
    return [words for words in sentences if words]


def _syllables(word: str) -> int:
    return max(1, len(_VOWELS.findall(word.lower())))


def test_syllables_are_counted_as_a_reader_does() -> None:
    words = {"niveau": 2, "leerling": 2, "basisgeletterdheid": 6, "één": 1, "ziet": 1, "vragen": 2}
    assert {word: _syllables(word) for word in words} == words


def test_sentences_have_ten_words_on_average_at_most() -> None:
    lengths = [len(words) for words in _sentences()]
    assert len(lengths) > 80
    assert sum(lengths) / len(lengths) <= _MAX_WORDS
    assert max(lengths) <= 2 * _MAX_WORDS


def test_the_reading_ease_of_douma_is_at_least_80() -> None:
    sentences = _sentences()
    words = [word for sentence in sentences for word in sentence]
    per_sentence = len(words) / len(sentences)
    per_hundred = 100 * sum(map(_syllables, words)) / len(words)
    assert 206.84 - 0.77 * per_hundred - 0.93 * per_sentence >= _MIN_READING_EASE


def test_no_status_promises_a_level() -> None:
    for status in DUTCH_STATUSES.values():
        text = f"{status.name} {status.for_parents}".lower()
        assert not re.search(r"\bnog\b|\blater\b|\bzal\b|\bzullen\b|binnenkort|\bkomt\b", text)
