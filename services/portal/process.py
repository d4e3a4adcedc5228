"""The portal as a process."""

import uvicorn

from services.http_server.connections import BoundedProtocol
from services.portal.app import create_app
from services.portal.settings import PortalSettings

DRAIN_SECONDS = 20
KEEP_ALIVE_SECONDS = 75
"""Longer than a proxy in front keeps an idle connection, so that it uses none that is closed."""
ACCEPTED_AT_ONCE = 64
"""Connections that asyncio accepts before the first of them is handled."""


def run_portal(settings: PortalSettings, port: int | None) -> None:
    """Serve the portal until SIGINT or SIGTERM; then requests have some seconds to end.

    `FORWARDED_ALLOW_IPS` names the proxies whose `X-Forwarded-For` has the address of a browser.
    """
    uvicorn.run(
        create_app(settings),
        host=settings.host,
        port=settings.port if port is None else port,
        http=BoundedProtocol,
        ws="none",
        backlog=ACCEPTED_AT_ONCE,
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=True,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=DRAIN_SECONDS,
    )
