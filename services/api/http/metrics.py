"""Prometheus metrics of the API; labels are route templates, never a path or a client."""

from collections.abc import Iterator
from contextlib import contextmanager

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    start_http_server,
)

from shared.core.errors import ConfigurationError
from shared.oauth.provider_keys import ProviderKeys

KNOWN_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class RequestMetrics:
    """The metrics of one API, in their own registry."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self.requests = Counter(
            "toetsfeedback_http_requests_total",
            "Completed requests",
            ["method", "route", "status"],
            registry=self.registry,
        )
        self.seconds = Histogram(
            "toetsfeedback_http_request_seconds",
            "Seconds until the last byte of the response",
            ["method", "route"],
            registry=self.registry,
            buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60),
        )
        self.bulk_reads = Counter(
            "toetsfeedback_bulk_reads_total",
            "Callers that read about unusually many students within an hour",
            ["caller_kind"],
            registry=self.registry,
        )

    def watch_provider_keys(self, keys: ProviderKeys) -> None:
        """Add the age of the identity provider's keys, and if its last response had any."""
        age = Gauge(
            "toetsfeedback_identity_provider_keys_age_seconds",
            "Seconds since the provider sent the keys that are known; NaN before the first",
            registry=self.registry,
        )
        age.set_function(lambda: float("nan") if keys.age_seconds is None else keys.age_seconds)
        failing = Gauge(
            "toetsfeedback_identity_provider_keys_failing",
            "1 when the last request for the provider's keys had no usable response",
            registry=self.registry,
        )
        failing.set_function(lambda: keys.has_failed)

    def observe(self, method: str, route: str, status: int, seconds: float) -> None:
        known = method if method in KNOWN_METHODS else "other"
        self.requests.labels(known, route, status).inc()
        self.seconds.labels(known, route).observe(seconds)


@contextmanager
def serve_metrics(metrics: RequestMetrics, host: str, port: int) -> Iterator[None]:
    """Serve the metrics at an address of their own, which is not public; not at all on port 0.

    Raises:
        ConfigurationError: when it cannot listen at the address.
    """
    if not port:
        yield
        return
    try:
        server, thread = start_http_server(port, host, metrics.registry)
    except OSError as error:
        raise ConfigurationError(
            f"metrics cannot be served on {host} at port {port} ({error.strerror}): set "
            "TOETSFEEDBACK_API_METRICS_HOST and TOETSFEEDBACK_API_METRICS_PORT to an address that "
            "is free"
        ) from None
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
