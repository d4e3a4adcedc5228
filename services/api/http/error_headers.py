"""Headers that an error response has because of its status, whatever part of the API sends it."""

import re
from http import HTTPStatus

RETRY_AFTER_SECONDS = 5
"""When nothing tells how long to wait."""

REALM = "toetsfeedback"

_RETRYABLE = {HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE}
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,30}(?= |$)")


def error_headers(status: int, authorization: str) -> dict[str, str]:
    """Return the headers of a response with this status, unless it has its own.

    A 401 challenges with the scheme that the request used in `Authorization` (RFC 6749, section
    5.2); a request for a token needs none.
    """
    if status in _RETRYABLE:
        return {"Retry-After": str(RETRY_AFTER_SECONDS)}
    scheme = _SCHEME.match(authorization)
    if status == HTTPStatus.UNAUTHORIZED and scheme is not None:
        return {"WWW-Authenticate": f'{scheme[0]} realm="{REALM}"'}
    return {}
