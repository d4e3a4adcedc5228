"""The headers of responses in the OpenAPI document: what each contains, and where it is sent."""

from collections.abc import Iterator
from http import HTTPStatus
from typing import Any

from services.api.http.middleware import RELATED_TRACE_HEADER, TRACE_HEADER
from services.api.security.authentication import NONCE_HEADER

_TEXT = {"type": "string"}
_URL = {"type": "string", "format": "uri"}

HEADERS: dict[str, dict[str, Any]] = {
    name: {"description": description, "schema": schema}
    for name, description, schema in (
        (
            TRACE_HEADER,
            "Identifies this response; quote it when you report an error.",
            {"type": "string", "format": "uuid"},
        ),
        (RELATED_TRACE_HEADER, f"The `{TRACE_HEADER}` of the request, if it is a UUID.", _TEXT),
        ("RateLimit-Policy", "The rate limit that counts this request.", _TEXT),
        (
            "RateLimit",
            "Requests and seconds left in this minute, from half of the rate limit on.",
            _TEXT,
        ),
        (NONCE_HEADER, "The nonce for the next DPoP proof.", _TEXT),
        ("WWW-Authenticate", "The scheme of a valid request, and what this one lacks.", _TEXT),
        ("Retry-After", "Seconds to wait before the request is sent again.", {"type": "integer"}),
        ("Accept", "The media type that this operation accepts.", _TEXT),
        ("Location", "URL of what was created or of the result.", _URL),
        ("ETag", "SHA-256 of the bytes of the whole document, or of the plan, quoted.", _TEXT),
        ("Accept-Ranges", "`bytes`: the operation supports `Range`.", _TEXT),
        ("Content-Range", "The range that is sent, and the size of the document.", _TEXT),
        ("Content-Disposition", "The name of the file.", _TEXT),
    )
}
"""The headers of our own. HTTP's other headers, and those for browsers, need no description."""

_OF_STATUS = {
    HTTPStatus.UNAUTHORIZED: ("WWW-Authenticate",),
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE: ("Accept",),
    HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE: ("Content-Range",),
    HTTPStatus.TOO_MANY_REQUESTS: ("Retry-After",),
    HTTPStatus.SERVICE_UNAVAILABLE: ("Retry-After",),
}


def headers(*names: str) -> dict[str, Any]:
    """Return references to the headers with these names, for a response of a route."""
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}


def common_headers(status: int, *, is_authenticated: bool) -> dict[str, Any]:
    """Return the headers that any operation can send with this status.

    An error can have those of authentication in any operation, as a shared description says.
    """
    return headers(*_common_names(status, is_authenticated=is_authenticated))


def _common_names(status: int, *, is_authenticated: bool) -> Iterator[str]:
    yield TRACE_HEADER
    yield RELATED_TRACE_HEADER
    if is_authenticated or status >= HTTPStatus.BAD_REQUEST:
        yield from ("RateLimit-Policy", "RateLimit", NONCE_HEADER)
    yield from _OF_STATUS.get(HTTPStatus(status), ())
