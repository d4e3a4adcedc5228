"""Rules of declarations: school years, and the days on which a school can have declared."""

from datetime import date, timedelta

FIRST_MONTH = 9
"""A Flemish school year begins on 1 September."""

LONGEST_AGO = timedelta(days=366)
"""The days by which a declaration can be older than its record; more is a slip of the pen."""


def open_school_years(today: date) -> tuple[str, str]:
    """Return the school years that can be declared about: that of today and the next one.

    They are written as `2023-2024`.
    """
    first = today.year if today.month >= FIRST_MONTH else today.year - 1
    return f"{first}-{first + 1}", f"{first + 1}-{first + 2}"


def is_possible_day(declared_on: date, today: date) -> bool:
    """Return True for a day on which a declaration that is recorded today can have been made."""
    return today - LONGEST_AGO <= declared_on <= today
