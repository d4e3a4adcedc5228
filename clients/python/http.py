"""HTTP client of the API: direct, whatever proxies the environment names.

A proxy would receive access tokens and names. A CA in `SSL_CERT_FILE` is trusted.
"""

import socket

import httpx

TIMEOUT_SECONDS = 60
IDLE_CONNECTIONS = 20


def open_client(
    url: str,
    auth: httpx.Auth | None = None,
    timeout: float = TIMEOUT_SECONDS,
    receive_buffer_bytes: int | None = None,
) -> httpx.Client:
    """Open a client whose paths are relative to `url`.

    It opens as many connections as it needs: a download has one for as long as its reader takes.
    """
    options = []
    if receive_buffer_bytes is not None:
        options.append((socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer_bytes))
    transport = httpx.HTTPTransport(
        trust_env=True,  # certificates; proxies belong to clients
        limits=httpx.Limits(max_connections=None, max_keepalive_connections=IDLE_CONNECTIONS),
        socket_options=options,
    )
    return httpx.Client(
        base_url=url, auth=auth, timeout=timeout, transport=transport, trust_env=False
    )
