"""The problems with which an operation responds, for the OpenAPI document: types by status."""

from collections.abc import Mapping
from copy import deepcopy
from typing import Any

from services.api.http.problem_types import MEDIA_TYPE, PROBLEM_TYPES

Responses = dict[int | str, dict[str, Any]]

COMMON_PROBLEMS = (
    "badRequest",
    "noAccessToken",
    "invalidAccessToken",
    "expiredAccessToken",
    "missingScope",
    "missingPermission",
    "requestTimeout",
    "tooManyRequests",
    "internalServerError",
    "serviceUnavailable",
)
"""With these, any operation under /v1 can respond."""
BODY_PROBLEMS = ("payloadTooLarge", "unsupportedMediaType")
IDEMPOTENCY_PROBLEMS = ("payloadTooLarge", "requestInFlight", "idempotencyKeyReused")

_DESCRIPTIONS = {
    400: "The request does not match this description.",
    401: "The access token is missing or not valid.",
    403: "The access token has none of the required scopes.",
    404: "The resource does not exist, or is not available to the caller, or not yet.",
    408: "The request arrived too slowly.",
    409: "The request conflicts with the current state of the resource.",
    412: "The resource has changed since it was read.",
    413: "The body is too large.",
    415: "This operation does not accept the media type of the body.",
    416: "The range is outside the document.",
    422: "The idempotency key was used for another request.",
    429: "The caller sends too many requests; `retryAfterSec` has the time to wait.",
    500: "The service failed.",
    503: "The service cannot respond now.",
}


def problems(*codes: str) -> Responses:
    """Return the documentation of problems with these codes, for a route's `responses`."""
    return add_problems({}, *codes)


def add_problems(responses: Mapping[int | str, dict[str, Any]], *codes: str) -> Responses:
    """Return the responses with further problems, in the order of their statuses."""
    added: Responses = deepcopy(dict(responses))
    for code in codes:
        kind = PROBLEM_TYPES[code]
        response = added.setdefault(kind.status, {"description": _DESCRIPTIONS[kind.status]})
        content = response.setdefault("content", {}).setdefault(MEDIA_TYPE, _of_no_type())
        types = types_in(content["schema"])
        types[:] = sorted({*types, kind.type})
    return dict(sorted(added.items(), key=lambda item: str(item[0])))


def types_in(schema: dict[str, Any]) -> list[str]:
    """Return the list of problem types in the schema of a problem response."""
    types: list[str] = schema["allOf"][1]["properties"]["type"]["enum"]
    return types


def _of_no_type() -> dict[str, Any]:
    own = {"type": "object", "properties": {"type": {"type": "string", "enum": []}}}
    return {"schema": {"allOf": [{"$ref": "#/components/schemas/Problem"}, own]}}
