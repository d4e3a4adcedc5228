"""Forms: their fields, and the checks that a page of this portal sent them for this session."""

from asyncio import timeout
from hmac import compare_digest
from urllib.parse import parse_qs

from starlette.requests import Request

from services.portal.sessions import Session
from services.portal.visits import Form

MAX_BYTES, MAX_FIELDS, MAX_SECONDS = 64 * 1024, 500, 20
FORM_TOKEN = "form_token"  # noqa: S105  # the name of a field


class FormError(Exception):
    """A form that no page of this portal sent for this session, or that is too large."""


async def read_form(request: Request) -> Form:
    """Return the fields of a form.

    Raises:
        FormError: it is too large or too slow, or not sent as a form.
    """
    try:
        async with timeout(MAX_SECONDS):
            body = await _read_body(request)
        return parse_qs(
            body.decode(), keep_blank_values=True, strict_parsing=True, max_num_fields=MAX_FIELDS
        )
    except (TimeoutError, ValueError):
        raise FormError from None


async def _read_body(request: Request) -> bytes:
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BYTES:
            raise FormError
    return body


def require_own_form(request: Request, session: Session, form: Form, origin: str) -> None:
    """Raise FormError unless a page of the portal at `origin` sent the form for this session."""
    site = request.headers.get("Sec-Fetch-Site")
    is_own = site == "same-origin" if site else request.headers.get("Origin") == origin
    sent = form.get(FORM_TOKEN, [""])[0]
    if not (is_own and compare_digest(sent.encode(), session.form_token.encode())):
        raise FormError
