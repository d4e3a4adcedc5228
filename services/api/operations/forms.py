"""Form bodies of /oauth2: strict parsing, and their OpenAPI schemas."""

from collections import Counter
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

from fastapi import Request

from services.api.operations.problem_responses import add_problems
from services.api.schemas.oauth2 import OAuthProblem
from shared.oauth.errors import invalid_request

MEDIA_TYPE = "application/x-www-form-urlencoded"
MAX_FIELDS = 20

OAUTH_PROBLEMS = add_problems(
    {
        400: {"description": "The request is invalid.", "model": OAuthProblem},
        401: {"description": "Client authentication failed.", "model": OAuthProblem},
        429: {
            "description": "The caller sends too many requests, or there is no capacity; "
            "`Retry-After` has the seconds to wait.",
            "model": OAuthProblem,
        },
        503: {
            "description": "The service or the identity provider is not available now.",
            "model": OAuthProblem,
        },
    },
    "badRequest",
    "requestTimeout",
    "payloadTooLarge",
    "internalServerError",
    "serviceUnavailable",
)


async def read_form(request: Request) -> Mapping[str, str]:
    """Return the fields of the form; unknown ones are ignored, as RFC 6749 requires.

    Raises:
        OAuthError: `invalid_request` for another media type or a repeated field.
    """
    declared = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if declared != MEDIA_TYPE:
        raise invalid_request(f"Send a form of type {MEDIA_TYPE}.")
    try:
        pairs = parse_qsl(
            (await request.body()).decode("ascii"),
            strict_parsing=True,
            keep_blank_values=True,
            errors="strict",
            max_num_fields=MAX_FIELDS,
        )
    except ValueError:
        raise invalid_request("The form cannot be read.") from None
    if any(times > 1 for times in Counter(name for name, _ in pairs).values()):
        raise invalid_request("Send each field of the form once.")
    return {name: value for name, value in pairs if value}


def form_request_body(required: Mapping[str, str], optional: Mapping[str, str]) -> dict[str, Any]:
    """Return the OpenAPI description of a form, from the descriptions of its fields."""
    fields = {
        name: {"type": "string", "description": description}
        for name, description in {**required, **optional}.items()
    }
    schema = {"type": "object", "required": sorted(required), "properties": fields}
    return {"requestBody": {"required": True, "content": {MEDIA_TYPE: {"schema": schema}}}}
