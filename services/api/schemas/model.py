"""Base models and types of JSON bodies, for requests and responses."""

import re
from datetime import UTC, date, datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    WithJsonSchema,
    field_validator,
)
from pydantic.alias_generators import to_camel

from shared.core.clock import in_brussels
from shared.core.identifiers import CANONICAL_UUID, canonical_uuid
from shared.core.plain_text import PLAIN_TEXT

EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
LATEST = datetime(2100, 1, 1, tzinfo=UTC)

_RFC_3339 = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?"
    r"([Zz]|[+-][0-9]{2}:[0-9]{2})"
)
_FULL_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")

Link = Annotated[str, Field(json_schema_extra={"format": "uri"})]


class ResponseModel(BaseModel):
    """A response body in lowerCamelCase; the route leaves out absent values."""

    model_config = ConfigDict(alias_generator=to_camel, validate_by_name=True, frozen=True)


class MergePatch(BaseModel):
    """A JSON merge patch (RFC 7396): absent fields do not change, null removes a value."""

    model_config = ConfigDict(alias_generator=to_camel, extra="forbid", strict=True, frozen=True)


class RequestBody(MergePatch):
    """A request body: strict types, no unknown fields, and no null."""

    @field_validator("*", mode="before")
    @classmethod
    def _refuse_null(cls, value: Any) -> Any:
        return refuse_null(value)


def refuse_null(value: Any) -> Any:
    """Return the value; raise ValueError for null."""
    if value is None:
        raise ValueError("Must not be null; leave it out instead.")
    return value


NEXT = "URL of the page that continues after the last item of this one; absent on the last page."


class Page(ResponseModel):
    """A page of a list."""

    self_link: Annotated[Link, Field(alias="self", description="URL of this page.")]
    page: Annotated[
        int | None, Field(ge=1, description="Number of this page, from 1; absent with `after`.")
    ] = None
    page_size: Annotated[int, Field(ge=1, description="Maximum number of items on a page.")]
    total: Annotated[
        int | None,
        Field(ge=0, description="Number of items on all pages; absent for audit events."),
    ] = None
    next: Annotated[Link | None, Field(description=NEXT)] = None


_DECODED_PLUS = re.compile(r"[0-9T:.-]{19,} [0-9]{2}:[0-9]{2}", re.IGNORECASE)
"""A date-time whose + was read as a space, as that of a query string is."""


def _instant(value: Any) -> datetime:
    if isinstance(value, str) and _DECODED_PLUS.fullmatch(value):
        raise ValueError("In a URL, write the + of the offset as %2B, or use an offset of Z.")
    if not isinstance(value, str) or not _RFC_3339.fullmatch(value):
        raise ValueError("Must be a date-time with an offset, such as 2024-06-21T08:00:00+02:00.")
    try:
        instant = datetime.fromisoformat(value.upper())
    except ValueError:
        raise ValueError("Must be an existing date and time.") from None
    if not EARLIEST <= instant <= LATEST:
        raise ValueError("Must lie between the years 2000 and 2100.")
    return instant


def _day(value: Any) -> date:
    if not isinstance(value, str) or not _FULL_DATE.fullmatch(value):
        raise ValueError("Must be a date, such as 2024-06-21.")
    try:
        day = date.fromisoformat(value)
    except ValueError:
        raise ValueError("Must be an existing date.") from None
    if not EARLIEST.date() <= day <= LATEST.date():
        raise ValueError("Must lie between the years 2000 and 2100.")
    return day


def _uuid(value: Any) -> UUID:
    parsed = canonical_uuid(value) if isinstance(value, str) else None
    if parsed is None:
        raise ValueError("Must be a UUID in lower case with hyphens.")
    return parsed


ResponseDateTime = Annotated[datetime, AfterValidator(in_brussels)]
"""In responses: a date-time with the UTC offset of Brussels."""

RequestDateTime = Annotated[datetime, BeforeValidator(_instant)]
"""In requests: a date-time of RFC 3339, with any UTC offset."""

RequestDate = Annotated[date, BeforeValidator(_day)]
"""In requests: a full-date of RFC 3339, in Brussels."""

RequestUuid = Annotated[
    UUID,
    BeforeValidator(_uuid),
    WithJsonSchema({"type": "string", "format": "uuid", "pattern": CANONICAL_UUID}),
]
"""In requests: a UUID in canonical form alone."""


AdministrationId = Annotated[
    str,
    Field(
        min_length=1,
        max_length=32,
        pattern=PLAIN_TEXT,
        description="Id of an administration.",
        examples=["2024"],
    ),
]
SCHOOL_ID = r"^[0-9]{6}$"
