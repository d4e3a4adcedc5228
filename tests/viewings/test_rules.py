"""The rules of test viewing: deadlines, offers, slots over a change of the clocks, and codes."""

from datetime import UTC, date, datetime, time, timedelta
from itertools import combinations
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.core.clock import BRUSSELS, from_brussels
from shared.viewings.codes import (
    ALPHABET,
    CODE_LENGTH,
    ViewingKey,
    check_character,
    parse_code,
    written,
)
from shared.viewings.rules import (
    offer_ends_at,
    periods_of_day,
    registration_ends_at,
)

KEY = ViewingKey(b"k" * 32)
characters = st.text(ALPHABET, min_size=CODE_LENGTH - 1, max_size=CODE_LENGTH - 1)


@pytest.mark.parametrize(
    ("day", "days", "expected"),
    [
        (date(2024, 6, 27), 3, "2024-06-25T00:00:00+02:00"),
        (date(2024, 6, 27), 0, "2024-06-28T00:00:00+02:00"),
        (date(2024, 4, 2), 3, "2024-03-31T00:00:00+01:00"),  # the clocks change on that day
        (date(2024, 10, 29), 2, "2024-10-28T00:00:00+01:00"),
    ],
)
def test_registration_ends_at_midnight_in_brussels(day: date, days: int, expected: str) -> None:
    assert registration_ends_at(day, days).isoformat() == expected


def test_an_offer_ends_with_registration_at_the_latest() -> None:
    now = datetime(2024, 6, 1, tzinfo=UTC)
    assert offer_ends_at(now, 24, now + timedelta(days=9)) == now + timedelta(days=1)
    assert offer_ends_at(now, 24, now + timedelta(hours=2)) == now + timedelta(hours=2)


@pytest.mark.parametrize(
    ("day", "hours"), [((2024, 3, 31), 23), ((2024, 10, 27), 25), ((2024, 6, 27), 24)]
)
def test_slots_last_as_long_when_the_clocks_change(day: tuple[int, int, int], hours: int) -> None:
    midnight = datetime.combine(date(*day), time())
    opens_at, closes_at = map(from_brussels, (midnight, midnight + timedelta(days=1)))
    periods = periods_of_day(opens_at, closes_at, 60)
    assert len(periods) == hours
    assert {one.ends_at - one.starts_at for one in periods} == {timedelta(hours=1)}
    assert {one.day for one in periods} == {date(*day)}


def test_a_rest_that_is_shorter_than_a_slot_is_left_out() -> None:
    start = datetime(2024, 6, 27, 9, tzinfo=BRUSSELS)
    assert len(periods_of_day(start, start + timedelta(minutes=200), 90)) == 2
    assert periods_of_day(start, start, 90) == []


@given(characters)
def test_a_code_is_read_as_it_is_written(text: str) -> None:
    code = text + check_character(text)
    typed = written(code).lower().replace("0", "O").replace("1", "l")
    assert parse_code(code) == parse_code(typed) == parse_code(f" {typed} ") == code


@given(characters, st.integers(0, CODE_LENGTH - 1), st.sampled_from(ALPHABET))
def test_a_wrong_character_is_detected(text: str, place: int, other: str) -> None:
    code = text + check_character(text)
    wrong = code[:place] + other + code[place + 1 :]
    assert parse_code(wrong) == (code if wrong == code else None)


@given(characters)
def test_two_exchanged_characters_are_detected(text: str) -> None:
    code = text + check_character(text)
    for first, second in combinations(range(CODE_LENGTH), 2):
        wrong = list(code)
        wrong[first], wrong[second] = wrong[second], wrong[first]
        if code[first] != code[second]:
            assert parse_code("".join(wrong)) is None


@pytest.mark.parametrize("text", ["", "0", "0" * 11, "U123456789", "7ZK3M-Q04X*", "é" * 10])
def test_other_texts_are_no_codes(text: str) -> None:
    assert parse_code(text) is None


def test_a_code_follows_from_its_registration_and_the_key() -> None:
    ids = [uuid4() for _ in range(1000)]
    codes = [KEY.code_of(one) for one in ids]
    assert len(set(codes)) == len(ids)
    assert all(parse_code(code) == code for code in codes)
    assert KEY.code_of(ids[0]) == codes[0]
    other = ViewingKey(b"l" * 32)
    assert other.code_of(ids[0]) != codes[0]
    assert other.hash_of(codes[0]) != KEY.hash_of(codes[0])
    assert codes[0].encode() not in KEY.hash_of(codes[0])
    assert UUID(int=0).bytes not in KEY.hash_of(KEY.code_of(UUID(int=0)))
