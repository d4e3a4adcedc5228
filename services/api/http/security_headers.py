"""Headers for browsers that every response has."""

from collections.abc import Mapping
from typing import Any

SECURITY_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Content-Security-Policy": "default-src 'none'; base-uri 'none'; frame-ancestors 'none'",
}
STRICT_TRANSPORT = {"Strict-Transport-Security": "max-age=31536000; includeSubDomains"}

IS_HTTPS = "is_https"
"""In the state of the server: True when its public address begins with `https:`."""


def security_headers(state: Mapping[str, Any]) -> dict[str, str]:
    """Return the headers for the state of the server, or of a request to it."""
    return SECURITY_HEADERS | (STRICT_TRANSPORT if state.get(IS_HTTPS) else {})
