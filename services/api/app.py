"""The composition root of the API."""

from asyncio import create_task, get_running_loop
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from math import inf
from typing import Any

from fastapi import FastAPI
from fastapi.telemetry import TelemetryConfig
from starlette.middleware import Middleware

from services.api.http.metrics import JobsCollector, RequestMetrics
from services.api.http.middleware import BodyLimit, ConnectionReserve, RequestLogging
from services.api.http.problems import register_exception_handlers
from services.api.http.request_deadline import RequestDeadline
from services.api.http.security_headers import IS_HTTPS
from services.api.http.server import STOPPING
from services.api.http.single_headers import SingleHeaders
from services.api.resources import Resources
from services.api.routes import (
    audit_events,
    catalogue,
    client_changes,
    client_keys,
    clients,
    declarations,
    deliveries,
    documentation,
    documents,
    download_links,
    hand_out_entries,
    hand_overs,
    home,
    jobs,
    mandates,
    me,
    monitoring,
    oauth2,
    openings,
    reading_guides,
    recalls,
    release_plans,
    release_windows,
    results,
    school_feedback,
    schools,
    students,
    successions,
    superseded_documents,
    viewing_desk,
    viewing_plans,
    viewings,
)
from services.api.security.address_limit import AddressLimit
from shared.core.settings import Settings

TITLE = "Toetsfeedback"
VERSION = "1.0.0"
UPLOAD_PATH = "/v1/deliveries"

ROUTE_MODULES = (
    me,
    schools,
    successions,
    students,
    results,
    documents,
    superseded_documents,
    hand_out_entries,
    download_links,
    reading_guides,
    school_feedback,
    hand_overs,
    declarations,
    viewing_plans,
    viewings,
    viewing_desk,
    catalogue,
    jobs,
    deliveries,
    release_windows,
    release_plans,
    openings,
    recalls,
    mandates,
    audit_events,
    client_changes,
    clients,
    oauth2,
    client_keys,
    monitoring,
    documentation,
    home,
)
NO_TELEMETRY: TelemetryConfig = {
    "tracing": False,
    "metrics": False,
    "logs": False,
    "operation_spans": False,
    "auto_configure": False,
}
"""FastAPI's own telemetry is off: it could quote a request."""


def create_app(settings: Settings) -> FastAPI:
    """Create an API on the servers of the settings; it connects to them on the first request.

    Raises:
        ConfigurationError: when the signing key or the storage cannot be used.
    """
    app = build_app({UPLOAD_PATH: settings.api_max_upload_bytes}, settings.api_request_seconds)
    resources = app.state.resources = Resources.open(settings)
    app.state.metrics.watch_clock(resources.clock)
    if resources.provider is not None and resources.provider.keys is not None:
        app.state.metrics.watch_provider_keys(resources.provider.keys)
    return app


def build_app(
    larger_bodies: Mapping[str, int] | None = None, request_seconds: float = inf
) -> FastAPI:
    """Build the routes and middleware, without resources: enough for the OpenAPI document."""
    metrics = RequestMetrics()
    app = FastAPI(
        title=TITLE,
        version=VERSION,
        openapi_url=None,
        redirect_slashes=False,
        lifespan=_lifespan,
        telemetry=NO_TELEMETRY,
        middleware=[
            Middleware(RequestLogging, metrics=metrics),
            Middleware(RequestDeadline, seconds=request_seconds),
            Middleware(AddressLimit),
            Middleware(ConnectionReserve),
            Middleware(SingleHeaders),
            Middleware(BodyLimit, larger=larger_bodies or {}),
        ],
    )
    app.state.metrics = metrics
    register_exception_handlers(app)
    for module in ROUTE_MODULES:
        app.include_router(module.router)
    return app


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[dict[str, Any]]:
    resources: Resources = app.state.resources
    get_running_loop().set_default_executor(resources.threads)
    jobs, registry = JobsCollector(resources.sessions), app.state.metrics.registry
    registry.register(jobs)
    checking = create_task(resources.health.repeat())
    yield {
        "connections": resources.connections,
        STOPPING: resources.stopping,
        IS_HTTPS: resources.public_url.startswith("https:"),
    }
    checking.cancel()
    registry.unregister(jobs)
    resources.close()
