from datetime import date, timedelta

import pytest

from shared.hand_overs.declarations.rules import is_possible_day, open_school_years
from shared.hand_overs.rules import HandOverState, state_of

FIRST, CORRECTED = b"\1" * 32, b"\2" * 32


@pytest.mark.parametrize(
    ("handed_over", "expected"),
    [
        (None, HandOverState.OPEN),
        (CORRECTED, HandOverState.DONE),
        (FIRST, HandOverState.AGAIN),
    ],
)
def test_a_hand_over_belongs_to_the_content_of_a_fiche(
    handed_over: bytes | None, expected: HandOverState
) -> None:
    assert state_of(CORRECTED, handed_over) is expected


@pytest.mark.parametrize(
    ("today", "expected"),
    [
        (date(2024, 8, 31), ("2023-2024", "2024-2025")),
        (date(2024, 9, 1), ("2024-2025", "2025-2026")),
        (date(2024, 12, 31), ("2024-2025", "2025-2026")),
        (date(2025, 1, 1), ("2024-2025", "2025-2026")),
        (date(2027, 9, 1), ("2027-2028", "2028-2029")),  # 366 days before the next one
    ],
)
def test_a_school_year_begins_on_the_first_of_september(
    today: date, expected: tuple[str, str]
) -> None:
    assert open_school_years(today) == expected


def test_a_declaration_is_dated_within_the_last_year() -> None:
    today = date(2024, 6, 21)
    days = [today - timedelta(days=days_ago) for days_ago in (-1, 0, 366, 367)]
    assert [is_possible_day(day, today) for day in days] == [False, True, True, False]
