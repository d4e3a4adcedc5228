"""JSON bodies that every parser reads alike."""

from fastapi import Request

from services.api.http.problem_types import MAX_NAME_LENGTH, Problem, schema_violation
from shared.core.strict_json import DuplicateMemberError, parse_json


async def refuse_repeated_members(request: Request) -> None:
    """Raise Problem `badRequest` that names a member which an object of the body has twice.

    Any other fault of the body is described by the validation that follows.
    """
    try:
        parse_json(await request.body())
    except DuplicateMemberError as error:
        name = error.name[:MAX_NAME_LENGTH]
        issue = schema_violation("body", "", f"Give the member {name} once per object.")
        raise Problem(
            "badRequest", "The request has members that are repeated.", issues=[issue]
        ) from None
    except ValueError:
        return
