"""The composition root of the API."""

import gc
from asyncio import get_running_loop
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager

from fastapi import FastAPI
from fastapi.telemetry import TelemetryConfig
from starlette.middleware import Middleware

from services.api.http.metrics import RequestMetrics
from services.api.http.middleware import BodyLimit, RequestRecord
from services.api.http.problems import register_problems
from services.api.resources import Parts
from services.api.routes import (
    audit_events,
    catalogue,
    clients,
    deliveries,
    documentation,
    documents,
    jobs,
    mandates,
    monitoring,
    oauth2,
    release_windows,
    results,
    schools,
    students,
)
from shared.core.settings import Settings

TITLE = "Toetsfeedback"
VERSION = "1.0.0"
UPLOAD_PATH = "/v1/deliveries"

NOUNS = (
    schools,
    students,
    results,
    documents,
    catalogue,
    jobs,
    deliveries,
    release_windows,
    mandates,
    audit_events,
    clients,
    oauth2,
    monitoring,
    documentation,
)
COLLECTED_AFTER = 20_000, 20, 50
"""New objects until Python looks for garbage among them, and how often until it looks further."""

QUIET: TelemetryConfig = {
    "tracing": False,
    "metrics": False,
    "logs": False,
    "operation_spans": False,
    "auto_configure": False,
}
"""FastAPI's own telemetry: what it sends could quote a request."""


def create_app(settings: Settings) -> FastAPI:
    """An API on the servers of the settings; it connects to them on the first request.

    Raises:
        ConfigurationError: when the signing key or the storage cannot be used.
    """
    app = build_app({UPLOAD_PATH: settings.api_max_upload_bytes})
    app.state.parts = Parts.open(settings)
    return app


def build_app(larger_bodies: Mapping[str, int] | None = None) -> FastAPI:
    """The routes and what surrounds them, without the parts they work with."""
    metrics = RequestMetrics()
    app = FastAPI(
        title=TITLE,
        version=VERSION,
        openapi_url=None,
        redirect_slashes=False,
        lifespan=_closing_parts,
        telemetry=QUIET,
        middleware=[
            Middleware(RequestRecord, metrics=metrics),
            Middleware(BodyLimit, larger=larger_bodies or {}),
        ],
    )
    app.state.metrics = metrics
    register_problems(app)
    for noun in NOUNS:
        app.include_router(noun.router)
    return app


@asynccontextmanager
async def _closing_parts(app: FastAPI) -> AsyncIterator[None]:
    parts: Parts = app.state.parts
    get_running_loop().set_default_executor(parts.threads)
    with _rarely_collected():
        yield
    parts.close()


@contextmanager
def _rarely_collected() -> Iterator[None]:
    """Has garbage looked for less often, and never among what is there before the first request.

    A request leaves next to no cycles behind, but makes enough objects for several such searches.
    """
    as_before = gc.get_threshold()
    gc.collect()
    gc.freeze()
    gc.set_threshold(*COLLECTED_AFTER)
    try:
        yield
    finally:
        gc.set_threshold(*as_before)
        gc.unfreeze()
