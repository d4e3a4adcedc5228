"""Requests to the identity provider: one JSON object in time, or an error."""

import asyncio
from collections.abc import Mapping
from functools import lru_cache
from ssl import SSLContext
from typing import Any

import httpx
import structlog

from shared.core.strict_json import parse_json

logger = structlog.get_logger(__name__)

MAX_RESPONSE_BYTES = 64 * 1024


class ProviderUnavailableError(Exception):
    """The provider sent no usable response in time."""


def request_object(
    method: str,
    url: str,
    timeout_seconds: float,
    form: Mapping[str, str] | None = None,
    *,
    max_bytes: int = MAX_RESPONSE_BYTES,
) -> dict[str, Any]:
    """Send a request to the provider and return the JSON object of its response.

    The timeout is that of everything together, from the name of the host to the last byte.

    Raises:
        ProviderUnavailableError: when there is no such response within the timeout.
    """
    loop = asyncio.new_event_loop()
    try:
        sent = _send(method, url, form, max_bytes)
        content = loop.run_until_complete(asyncio.wait_for(sent, timeout_seconds))
        document = parse_json(content)
        if not isinstance(document, dict):
            raise ValueError("the response is not an object")  # noqa: TRY004, TRY301  # a fault of the provider
    except (httpx.HTTPError, OSError, ValueError) as error:
        logger.warning("identity_provider_unavailable", error=type(error).__name__)
        raise ProviderUnavailableError from None
    finally:
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.close()  # without waiting for a resolver that does not respond
    return document


async def _send(method: str, url: str, form: Mapping[str, str] | None, max_bytes: int) -> bytes:
    """Return the body of a successful response.

    The time limit of a synchronous client is that of each read: a provider that sends its response
    byte by byte would keep the thread.
    """
    headers = {"Accept-Encoding": "identity"}
    async with (
        httpx.AsyncClient(timeout=None, verify=_tls_context()) as client,  # noqa: S113  # the caller has one for everything
        client.stream(method, url, data=form, headers=headers) as response,
    ):
        response.raise_for_status()
        content = b""
        async for chunk in response.aiter_raw():
            content += chunk
            if len(content) > max_bytes:
                raise ValueError("the response is too large")
        return content


@lru_cache(maxsize=1)
def _tls_context() -> SSLContext:
    """Return the trusted certificates, read once: reading them takes longer than a sign-on."""
    return httpx.create_ssl_context()
