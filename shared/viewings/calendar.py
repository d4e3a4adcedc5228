"""The calendar entry of a registration (RFC 5545): place and time, without a name or a code."""

from datetime import UTC, datetime

from shared.viewings.repository import RegistrationRow
from shared.viewings.texts import CALENDAR_DESCRIPTION, CALENDAR_SUMMARY

_MAX_OCTETS = 75
"""Of a line, without its end; longer ones are folded."""

_ESCAPED = str.maketrans({"\\": "\\\\", ";": "\\;", ",": "\\,", "\n": "\\n"})


def calendar_of(row: RegistrationRow) -> str:
    """Return an iCalendar object with one event; its `SEQUENCE` grows with each move."""
    registration, slot, location, _ = row
    place = f"{location.name}, {location.address}"
    lines = (
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        "PRODID:-//toetsfeedback//viewings//NL",
        "BEGIN:VEVENT",
        f"UID:{registration.id}",
        f"SEQUENCE:{registration.version}",
        f"DTSTAMP:{_instant(registration.registered_at)}",
        f"DTSTART:{_instant(slot.starts_at)}",
        f"DTEND:{_instant(slot.ends_at)}",
        f"SUMMARY:{CALENDAR_SUMMARY.translate(_ESCAPED)}",
        f"LOCATION:{place.translate(_ESCAPED)}",
        f"DESCRIPTION:{CALENDAR_DESCRIPTION.translate(_ESCAPED)}",
        "END:VEVENT",
        "END:VCALENDAR",
    )
    return "".join(f"{_fold(line)}\r\n" for line in lines)


def _instant(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y%m%dT%H%M%SZ}"


def _fold(line: str) -> str:
    """Return the line in pieces of at most 75 octets, the further ones after a space."""
    pieces = [""]
    for character in line:
        if len((pieces[-1] + character).encode()) > _MAX_OCTETS - (len(pieces) > 1):
            pieces.append("")
        pieces[-1] += character
    return "\r\n ".join(pieces)
