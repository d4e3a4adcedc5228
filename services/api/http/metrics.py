"""Prometheus metrics of the API; labels are route templates, lanes and versions, never a client."""

from collections.abc import Iterator
from contextlib import contextmanager

import structlog
from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    start_http_server,
)
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from shared.core.build_information import add_build_information
from shared.core.clock_guard import ClockGuard
from shared.core.database import DATABASE_UNAVAILABLE, Sessions
from shared.core.deadlines import deadline
from shared.core.errors import ConfigurationError
from shared.core.logging import describe_error
from shared.core.unit_of_work import UnitOfWork
from shared.core.version import package_version
from shared.documents.rebuilds.service import rebuilding_schools
from shared.jobs.monitoring import lane_states, live_workers, waiting_items
from shared.oauth.provider_keys import ProviderKeys
from shared.release_plans.checks import count_blocked_openings

logger = structlog.get_logger(__name__)

MAX_SECONDS = 5.0
"""The longest time that a scrape waits for the database."""

KNOWN_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class RequestMetrics:
    """The metrics of one API, in their own registry."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        add_build_information(self.registry)
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

    def watch_clock(self, clock: ClockGuard) -> None:
        """Add the difference of the clocks, with which nothing opens when it is too large."""
        difference = Gauge(
            "toetsfeedback_clock_difference_seconds",
            "Difference of the clocks of this machine and the database; nothing opens above 2",
            registry=self.registry,
        )

        def seconds() -> float:
            return clock.difference.total_seconds()

        difference.set_function(seconds)

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


class JobsCollector(Collector):
    """Gauges of the queue and the workers, read from the database whenever they are scraped.

    Every API has the same values. While the database is unavailable there are none.
    """

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions

    def describe(self) -> Iterator[GaugeMetricFamily]:
        """Name nothing, so that registering the collector reads nothing."""
        yield from ()

    def collect(self) -> Iterator[GaugeMetricFamily]:
        try:
            with deadline(MAX_SECONDS), UnitOfWork(self._sessions) as unit:
                lanes, workers = lane_states(unit.session), live_workers(unit.session)
                waiting, rebuilt = waiting_items(unit.session), rebuilding_schools(unit.session)
                blocked = count_blocked_openings(unit.session)
        except (*DATABASE_UNAVAILABLE, ConfigurationError) as error:
            logger.warning("jobs_not_measured", **describe_error(error))
            return
        items = GaugeMetricFamily(
            "toetsfeedback_queued_items", "Job items that no worker has claimed", labels=["lane"]
        )
        age = GaugeMetricFamily(
            "toetsfeedback_oldest_due_item_seconds",
            "Seconds that the oldest job item that is due has waited; 0 without one",
            labels=["lane"],
        )
        for lane, state in lanes.items():
            items.add_metric([lane], state.items)
            age.add_metric([lane], state.oldest_due_seconds)
        live = GaugeMetricFamily(
            "toetsfeedback_live_workers", "Worker processes that run", labels=["version"]
        )
        for version, number in ({package_version(): 0} | workers).items():
            live.add_metric([version], number)
        late = GaugeMetricFamily(
            "toetsfeedback_waiting_items",
            "Job items that wait for a server that is broken, full or away",
            labels=["waiting_for"],
        )
        for waiting_for, number in waiting.items():
            late.add_metric([waiting_for], number)
        lost = GaugeMetricFamily(
            "toetsfeedback_rebuilding_schools",
            "Schools of which a document is not in the object store and is made again",
            rebuilt,
        )
        unapproved = GaugeMetricFamily(
            "toetsfeedback_blocked_openings",
            "Openings of the last day or the next hour that are not verified and approved",
            blocked,
        )
        yield from (items, age, live, late, lost, unapproved)


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
