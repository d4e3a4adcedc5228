"""The headers of a response that the OpenAPI document does not declare."""

from collections.abc import Iterable
from typing import Any

from services.api.http.security_headers import SECURITY_HEADERS, STRICT_TRANSPORT

OF_HTTP = {
    *("cache-control", "connection", "content-length", "content-type", "date", "keep-alive"),
    *(
        "transfer-encoding",
        "x-accel-buffering",
        *map(str.lower, SECURITY_HEADERS | STRICT_TRANSPORT),
    ),
}
"""Headers of the protocol, for browsers and for proxies."""


def undeclared_headers(
    document: dict[str, Any], method: str, path: str, status: int, names: Iterable[str]
) -> set[str]:
    """Return the names that the response of an operation lacks in the document.

    A method or a status that the path does not have, such as 405, declares nothing.
    """
    responses = document["paths"][path].get(method.lower(), {}).get("responses", {})
    if str(status) not in responses:
        return set()
    response = responses[str(status)]
    if "$ref" in response:
        response = document["components"]["responses"][response["$ref"].rpartition("/")[2]]
    declared = {name.lower() for name in response.get("headers", {})}
    return {name.lower() for name in names} - declared - OF_HTTP
