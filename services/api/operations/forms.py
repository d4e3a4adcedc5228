"""Bodies of /oauth2: forms, taken strictly, and what they are documented as."""

from collections import Counter
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

from fastapi import Request

from services.api.operations.operation import problems
from services.api.schemas.oauth2 import OAuthProblem
from shared.oauth.errors import invalid_request

MEDIA_TYPE = "application/x-www-form-urlencoded"
MOST_FIELDS = 20

OAUTH_PROBLEMS: dict[int | str, dict[str, Any]] = {
    400: {"description": "The request cannot be answered as it is.", "model": OAuthProblem},
    401: {"description": "The client did not show who it is.", "model": OAuthProblem},
    503: {"description": "It cannot be answered now.", "model": OAuthProblem},
    **problems(429),
}


async def form_of(request: Request) -> Mapping[str, str]:
    """The fields of the form; those we do not know are left alone, as RFC 6749 asks.

    Raises:
        OAuthError: `invalid_request` for another media type, or a field that is given twice.
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
            max_num_fields=MOST_FIELDS,
        )
    except ValueError:
        raise invalid_request("The form cannot be read.") from None
    if any(times > 1 for times in Counter(name for name, _ in pairs).values()):
        raise invalid_request("Give each field of the form once.")
    return {name: value for name, value in pairs if value}


def described_form(required: Mapping[str, str], optional: Mapping[str, str]) -> dict[str, Any]:
    """A form for the OpenAPI document: its fields with what each holds."""
    fields = {
        name: {"type": "string", "description": meaning}
        for name, meaning in {**required, **optional}.items()
    }
    schema = {"type": "object", "required": sorted(required), "properties": fields}
    return {"requestBody": {"required": True, "content": {MEDIA_TYPE: {"schema": schema}}}}
