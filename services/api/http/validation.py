"""Validation errors of FastAPI as Belgif issues that repeat no value."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from services.api.http.problem_types import (
    Issue,
    Problem,
    json_pointer,
    schema_violation,
    unknown_input,
)

_DETAILS: Mapping[str, Callable[[Mapping[str, Any]], str]] = {
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
    "value_error": lambda ctx: str(ctx["error"]),
}
"""Details by pydantic's type of error, from its context. A `value_error` is one of our own
validators; pydantic's own messages are not used, since some repeat the input."""


def validation_problem(errors: Sequence[Mapping[str, Any]]) -> Problem:
    """Return the problem for the errors that pydantic found in a request."""
    return Problem(
        "badRequest",
        "The request does not conform to the OpenAPI document.",
        issues=[_issue(error) for error in errors],
    )


def _issue(error: Mapping[str, Any]) -> Issue:
    location, *steps = error["loc"]
    if error["type"] == "json_invalid":
        steps = []  # a position in the text, not a place in the document
    name = json_pointer(steps) if location == "body" else str(steps[0])
    if error["type"] == "extra_forbidden":
        return unknown_input(location, name)
    detail = _DETAILS.get(error["type"], _not_as_described)
    return schema_violation(location, name, detail(error.get("ctx", {})))


def _not_as_described(_context: Mapping[str, Any]) -> str:
    return "Does not conform to its schema."
