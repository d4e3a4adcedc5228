from datetime import UTC, datetime

import pytest

from services.cli.commands.jobs import parse_opening_time
from shared.core.errors import InvalidInput

NOW = datetime(2024, 3, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2024-06-21T08:00", "2024-06-21T06:00"),
        ("2024-12-21T08:00:30", "2024-12-21T07:00:30"),
        ("2024-06-21T08:00+02:00", "2024-06-21T06:00"),
        ("2024-06-21T08:00Z", "2024-06-21T08:00"),
        ("2024-03-31T01:59", "2024-03-31T00:59"),
        ("2024-03-31T03:00", "2024-03-31T01:00"),
        ("2024-10-27T02:30+02:00", "2024-10-27T00:30"),
        ("2024-10-27T02:30+01:00", "2024-10-27T01:30"),
        ("2024-10-27T03:00", "2024-10-27T02:00"),
        ("2024-03-01T13:01", "2024-03-01T12:01"),
    ],
)
def test_future_moment_is_in_brussels_unless_it_has_an_offset(text: str, expected: str) -> None:
    assert parse_opening_time(text, NOW) == datetime.fromisoformat(expected).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "remedy"),
    [
        ("2024-03-31T02:30", "does not exist in Brussels"),
        ("2024-10-27T02:30", "write 2024-10-27T02:30:00+02:00 or 2024-10-27T02:30:00+01:00"),
        ("2024-03-01T13:00", "has passed; choose a later one"),
        ("2024-03-01T12:00Z", "has passed; choose a later one"),
        ("2024-01-01T00:00", "has passed; choose a later one"),
        ("21/06/2024 08:00", "Write date and time, as in"),
        ("2024-06-21", "Write date and time, as in"),
        ("", "Write date and time, as in"),
        ("2024-02-30T08:00", "There is no such date or time"),
        ("2024-06-21T08:00+99:99", "There is no such date or time"),
        ("0000-01-01T00:00", "There is no such date or time"),
        ("0001-01-01T00:00", "Choose a year from 2024 to 2099"),
        ("9999-12-31T23:59:59-23:00", "Choose a year from 2024 to 2099"),
    ],
)
def test_other_moment_is_refused_with_the_remedy(text: str, remedy: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        parse_opening_time(text, NOW)
    assert caught.value.field == ("opens_at",)
    assert remedy in caught.value.detail
