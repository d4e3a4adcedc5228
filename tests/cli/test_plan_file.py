import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from services.cli.plan_file import parse_moment, read_plan
from shared.core.errors import ConfigurationError

EXAMPLE = Path(__file__).parents[2] / "docs" / "examples" / "release-plan-2024.csv"


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
def test_a_moment_is_in_brussels_unless_it_has_an_offset(text: str, expected: str) -> None:
    assert parse_moment(text) == datetime.fromisoformat(expected).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "remedy"),
    [
        ("2024-03-31T02:30", "does not exist in Brussels"),
        ("2024-10-27T02:30", "write 2024-10-27T02:30:00+02:00 or 2024-10-27T02:30:00+01:00"),
        ("21/06/2024 08:00", "Write date and time, as in"),
        ("2024-06-21", "Write date and time, as in"),
        ("", "Write date and time, as in"),
        ("2024-02-30T08:00", "There is no such date or time"),
        ("2024-06-21T08:00+99:99", "There is no such date or time"),
        ("0000-01-01T00:00", "There is no such date or time"),
        ("2024-12-31T24:01", "There is no such date or time"),
    ],
)
def test_other_moment_is_refused_with_the_remedy(text: str, remedy: str) -> None:
    with pytest.raises(ValueError, match=re.escape(remedy)):
        parse_moment(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2024-02-29T08:00", "2024-02-29T07:00"),
        ("2024-12-31T23:59:59", "2024-12-31T22:59:59"),
        ("2025-01-01T00:00", "2024-12-31T23:00"),
    ],
)
def test_leap_days_and_ends_of_years_are_right(text: str, expected: str) -> None:
    assert parse_moment(text) == datetime.fromisoformat(expected).replace(tzinfo=UTC)


def test_the_plan_of_2024_is_read_from_a_file_that_a_person_wrote() -> None:
    windows = read_plan(EXAMPLE)["windows"]
    assert windows == [
        {
            "product": "studentFeedback",
            "plannedFrom": "2024-06-21T00:00:00+02:00",
            "opensAt": "2024-06-21T08:00:00+02:00",
        },
        {
            "product": "schoolFeedback",
            "plannedFrom": "2024-09-30T00:00:00+02:00",
            "opensAt": "2024-09-30T08:00:00+02:00",
        },
        *(
            {
                "product": "schoolFeedback",
                "component": component,
                "plannedFrom": "2025-01-01T00:00:00+01:00",
                "opensAt": "2025-01-15T08:00:00+01:00",
            }
            for component in ("SO2A-TAB", "SO2A-MEE", "SO2B-TAB")
        ),
        {"product": "schoolFeedback", "component": "SO2A-SCHK", "never": True},
        {"product": "schoolFeedback", "component": "SO2B-SCHK", "never": True},
        {
            "product": "testViewing",
            "opensAt": "2024-06-25T00:00:00+02:00",
            "closesAt": "2024-07-13T00:00:00+02:00",
        },
        {
            "product": "testViewing",
            "opensAt": "2024-08-19T00:00:00+02:00",
            "closesAt": "2024-09-14T00:00:00+02:00",
        },
    ]


def test_a_plan_in_json_has_local_times_too(tmp_path: Path) -> None:
    file = tmp_path / "plan.json"
    recall = "0b6f6c5e-5a3f-4b0e-9d8a-2f1f4f0f6f10"
    file.write_text(
        '{"windows": [{"product": "schoolFeedback", "opensAt": "2024-09-30T08:00"}],'
        f' "reopenings": [{{"recallId": "{recall}", "opensAt": "2024-12-24T08:00"}}]}}'
    )
    assert read_plan(file) == {
        "windows": [{"product": "schoolFeedback", "opensAt": "2024-09-30T08:00:00+02:00"}],
        "reopenings": [{"recallId": recall, "opensAt": "2024-12-24T08:00:00+01:00"}],
    }


def test_a_plan_has_semicolons_as_excel_writes_them(tmp_path: Path) -> None:
    file = tmp_path / "plan.csv"
    file.write_text("\ufeffproduct;opensAt\r\nschoolFeedback;2024-09-30T08:00\r\n")
    opens_at = "2024-09-30T08:00:00+02:00"
    assert read_plan(file) == {"windows": [{"product": "schoolFeedback", "opensAt": opens_at}]}


@pytest.mark.parametrize(
    ("name", "content", "remedy"),
    [
        ("a.csv", "", "has other columns"),
        ("a.csv", "product,opens\nx,y\n", "has other columns than product, targetGroup"),
        ("a.csv", "opensAt\n2024-06-21T08:00\n", "has other columns"),
        ("a.csv", "product,opensAt\nx,2024-03-31T02:30\n", "window 1, opensAt: 2024-03-31T02:30"),
        ("a.csv", "product,opensAt\nx,21 June\n", "window 1, opensAt: Write date and time"),
        ("a.csv", "product,never\nx,true\n", "window 1, never: write yes or no"),
        ("a.csv", "product,never\nx\n", "window 1 has another number of values"),
        ("a.csv", "product,never\nx,yes,y\n", "window 1 has another number of values"),
        ("a.json", "[]", "contains no plan"),
        ("a.json", '{"windows": [1]}', "contains no plan"),
        ("a.json", "{", "contains no plan"),
        ("a.json", '{"windows": [{"opensAt": 1}]}', "window 1, opensAt: Write date and time"),
        ("a.json", '{"reopenings": [{}]}', "reopening 1, opensAt: Write date and time"),
    ],
)
def test_another_file_is_refused_with_the_place(
    tmp_path: Path, name: str, content: str, remedy: str
) -> None:
    (tmp_path / name).write_text(content)
    with pytest.raises(ConfigurationError, match=re.escape(remedy)):
        read_plan(tmp_path / name)
