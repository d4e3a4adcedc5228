"""The texts of documents: complete, without digits, with dates in Dutch notation."""

import dataclasses
import re
from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any

import pytest

from shared.documents.content import REPORTED, STATUSES
from shared.documents.texts import DUTCH


def _words(texts: Any) -> Iterator[str]:
    if isinstance(texts, str):
        yield texts
    elif isinstance(texts, Mapping):
        for value in texts.values():
            yield from _words(value)
    elif dataclasses.is_dataclass(texts):
        for field in dataclasses.fields(texts):
            if field.name not in ("version", "language"):
                yield from _words(getattr(texts, field.name))
    else:
        for value in texts:
            yield from _words(value)


def test_every_status_without_a_level_has_a_text() -> None:
    assert set(DUTCH.statuses) == {status for status in STATUSES if status != REPORTED}


def test_no_text_has_a_digit_or_a_percentage() -> None:
    words = list(_words(DUTCH))
    assert len(words) > 70
    assert not [text for text in words if re.search(r"[\d%]", text)]


@pytest.mark.parametrize(
    ("from_on", "until_on", "expected"),
    [
        (date(2024, 4, 24), date(2024, 5, 16), "24 april tot en met 16 mei 2024"),
        (date(2024, 5, 6), date(2024, 5, 16), "6 tot en met 16 mei 2024"),
        (date(2024, 5, 16), date(2024, 5, 16), "16 mei 2024"),
        (date(2023, 12, 18), date(2024, 1, 12), "18 december 2023 tot en met 12 januari 2024"),
        (date(2023, 5, 18), date(2024, 5, 12), "18 mei 2023 tot en met 12 mei 2024"),
    ],
)
def test_a_period_has_a_shared_month_and_year_once(
    from_on: date, until_on: date, expected: str
) -> None:
    assert DUTCH.period_of(from_on, until_on) == expected


def test_a_subject_without_a_name_shows_its_code() -> None:
    assert DUTCH.subject("wiskunde") == "Wiskunde"
    assert DUTCH.subject("frans") == "Frans"
