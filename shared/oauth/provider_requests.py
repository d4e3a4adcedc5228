"""Requests to the identity provider: one JSON object in time, or an error."""

import time
from collections.abc import Mapping
from typing import Any

import httpx
import structlog

from shared.core.strict_json import parse_json

logger = structlog.get_logger(__name__)

MAX_RESPONSE_BYTES = 64 * 1024


class ProviderUnavailableError(Exception):
    """The provider sent no usable response in time."""


def request_object(
    method: str, url: str, timeout_seconds: float, form: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """Send a request to the provider and return the JSON object of its response.

    Raises:
        ProviderUnavailableError: when there is no such response within the timeout.
    """
    deadline = time.monotonic() + timeout_seconds
    try:
        with httpx.stream(method, url, data=form, timeout=timeout_seconds) as response:
            response.raise_for_status()
            return _read_object(response, deadline)
    except (httpx.HTTPError, ValueError, RecursionError) as error:
        logger.warning("identity_provider_unavailable", error=type(error).__name__)
        raise ProviderUnavailableError from None


def _read_object(response: httpx.Response, deadline: float) -> dict[str, Any]:
    """Read a JSON object; raise ValueError when it is not one, too large, or too slow."""
    content = b""
    for chunk in response.iter_bytes():
        content += chunk
        if time.monotonic() > deadline or len(content) > MAX_RESPONSE_BYTES:
            raise ValueError("the response is too large or too slow")
    document = parse_json(content)
    if not isinstance(document, dict):
        raise ValueError("the response is not an object")  # noqa: TRY004  # a fault of the provider
    return document
