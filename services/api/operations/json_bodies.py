"""JSON bodies that every parser reads alike."""

from codecs import BOM_UTF8

from fastapi import Request

from services.api.http.problem_types import MAX_NAME_LENGTH, Problem, schema_violation
from shared.core.strict_json import DuplicateMemberError, parse_json


async def refuse_repeated_members(request: Request) -> None:
    """Raise Problem `badRequest` that names a member which an object of the body has twice.

    A body in another encoding than UTF-8, which FastAPI would accept, is refused as well. Any other
    fault of the body is described by the validation that follows.
    """
    body = await request.body()
    try:
        parse_json(body)
    except DuplicateMemberError as error:
        name = error.name[:MAX_NAME_LENGTH]
        issue = schema_violation("body", "", f"Give the member {name} once per object.")
        raise Problem(
            "badRequest", "The request has members that are repeated.", issues=[issue]
        ) from None
    except ValueError:
        if not _is_utf_8(body):
            issue = schema_violation("body", "", "Send UTF-8 without a byte order mark.")
            raise Problem(
                "badRequest", "The request is not JSON in UTF-8.", issues=[issue]
            ) from None


def _is_utf_8(body: bytes) -> bool:
    """Return False for other encodings and a byte order mark; a NUL byte is a sign of UTF-16."""
    try:
        body.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return not body.startswith(BOM_UTF8) and b"\0" not in body
