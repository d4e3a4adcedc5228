"""Cursors: a position in one list for one caller, which nobody can read or make."""

from datetime import UTC, date, datetime
from secrets import token_bytes
from uuid import uuid4

import pytest

from services.api.http.cursors import Cursors, InvalidCursorError

LONG_AGO, TOMORROW = date.min, date.max
KEY = ("2024", "4a\x01Peeters", 3, uuid4(), date(2024, 5, 1), datetime(2024, 5, 1, 8, tzinfo=UTC))


def test_a_cursor_has_the_values_of_its_key() -> None:
    cursors = Cursors([(LONG_AGO, token_bytes(32))])
    assert cursors.decrypt(cursors.encrypt(KEY, b"list"), b"list") == KEY


def test_names_of_like_length_have_cursors_of_one_length() -> None:
    cursors = Cursors([(LONG_AGO, token_bytes(32))])
    assert len({len(cursors.encrypt(("a" * length,), b"")) for length in range(2, 40)}) == 1


def test_a_cursor_of_another_list_is_refused() -> None:
    cursors = Cursors([(LONG_AGO, token_bytes(32))])
    with pytest.raises(InvalidCursorError):
        cursors.decrypt(cursors.encrypt(KEY, b"list"), b"another list")


@pytest.mark.parametrize("cursor", ["", "x", "é", "AAAA", "A" * 100, "\x00", "%"])
def test_a_text_that_is_no_cursor_is_refused(cursor: str) -> None:
    with pytest.raises(InvalidCursorError):
        Cursors([(LONG_AGO, token_bytes(32))]).decrypt(cursor, b"list")


def test_every_changed_bit_is_noticed() -> None:
    cursors = Cursors([(LONG_AGO, token_bytes(32))])
    cursor = cursors.encrypt(KEY, b"list")
    for place, letter in enumerate(cursor[:-1]):
        changed = cursor[:place] + ("B" if letter == "A" else "A") + cursor[place + 1 :]
        with pytest.raises(InvalidCursorError):
            cursors.decrypt(changed, b"list")


def test_a_cursor_outlasts_a_change_of_the_signing_key() -> None:
    old, new = (LONG_AGO, token_bytes(32)), (date(2020, 1, 1), token_bytes(32))
    cursor = Cursors([old]).encrypt(KEY, b"list")
    assert Cursors([old, new]).decrypt(cursor, b"list") == KEY
    with pytest.raises(InvalidCursorError):
        Cursors([new]).decrypt(cursor, b"list")


def test_a_key_of_a_later_day_makes_no_cursor_yet() -> None:
    old, new = (LONG_AGO, token_bytes(32)), (TOMORROW, token_bytes(32))
    cursor = Cursors([old, new]).encrypt(KEY, b"list")
    assert Cursors([old]).decrypt(cursor, b"list") == KEY
