"""Prometheus metrics of the API; labels are route templates, never a path or a client."""

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Histogram,
    ProcessCollector,
    generate_latest,
)

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

    def observe(self, method: str, route: str, status: int, seconds: float) -> None:
        known = method if method in KNOWN_METHODS else "other"
        self.requests.labels(known, route, status).inc()
        self.seconds.labels(known, route).observe(seconds)

    def exposition(self) -> bytes:
        return generate_latest(self.registry)
