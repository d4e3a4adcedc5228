"""HTTP client of the service's own API: direct, whatever proxies the environment names.

A proxy would receive access tokens and names. A CA in `SSL_CERT_FILE` is trusted.
"""

import httpx

TIMEOUT_SECONDS = 60


def open_client(
    url: str, auth: httpx.Auth | None = None, timeout: float = TIMEOUT_SECONDS
) -> httpx.Client:
    """Open a client whose paths are relative to `url`."""
    return httpx.Client(
        base_url=url,
        auth=auth,
        timeout=timeout,
        transport=httpx.HTTPTransport(trust_env=True),  # certificates; proxies belong to clients
        trust_env=False,
    )
