"""Turns what FastAPI found wrong in a request into Belgif issues that repeat no value."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from services.api.operations.known_parameters import LONGEST_NAME, SCHEMA_VIOLATION, unknown
from shared.core.errors import BadRequest, Issue

MOST_ISSUES = 50

_WORDS: Mapping[str, Callable[[Mapping[str, Any]], str]] = {
    "missing": lambda _: "This is required.",
    "json_invalid": lambda _: "The body is not JSON.",
    "literal_error": lambda ctx: f"Must be {ctx['expected']}.",
    "enum": lambda ctx: f"Must be {ctx['expected']}.",
    "greater_than_equal": lambda ctx: f"Must be at least {ctx['ge']}.",
    "less_than_equal": lambda ctx: f"Must be at most {ctx['le']}.",
    "string_too_short": lambda ctx: f"Must have at least {ctx['min_length']} characters.",
    "string_too_long": lambda ctx: f"Must have at most {ctx['max_length']} characters.",
    "string_pattern_mismatch": lambda ctx: f"Must match {ctx['pattern']}.",
    "string_type": lambda _: "Must be a string.",
    "bool_type": lambda _: "Must be true or false.",
    "int_parsing": lambda _: "Must be a whole number.",
    "uuid_parsing": lambda _: "Must be a UUID.",
    "value_error": lambda ctx: str(ctx["error"]),
}
"""By pydantic's kind of error, from its context. Those of our own validators speak for themselves;
the messages of pydantic itself are not used, since some repeat what was sent."""


def bad_request(errors: Sequence[Mapping[str, Any]]) -> BadRequest:
    return BadRequest(
        "The request is not as the OpenAPI document describes it.",
        [_issue(error) for error in errors[:MOST_ISSUES]],
    )


def _issue(error: Mapping[str, Any]) -> Issue:
    where, *parts = error["loc"]
    if error["type"] == "json_invalid":
        parts = []  # a position in the text, not a place in the document
    pointer = "".join(f"/{_escape(str(part))}" for part in parts)
    name = pointer if where == "body" else str(parts[0])
    if error["type"] == "extra_forbidden":
        return unknown(where, name)
    words = _WORDS.get(error["type"], _undescribed)
    return Issue(SCHEMA_VIOLATION, where, name[:LONGEST_NAME], words(error.get("ctx", {})))


def _undescribed(_context: Mapping[str, Any]) -> str:
    return "Does not have the form that is described."


def _escape(part: str) -> str:
    """One step of a JSON pointer (RFC 6901)."""
    return part.replace("~", "~0").replace("/", "~1")
