"""The worker process: runs actors and periodic tasks until it receives a signal."""

import gc
import signal
from datetime import timedelta
from threading import Event
from time import monotonic
from uuid import UUID, uuid4

import dramatiq
import structlog
from prometheus_client import start_http_server
from sqlalchemy.exc import SQLAlchemyError

from services.worker.app import create_worker
from services.worker.jobs.reading_guides import publish_bundled_guides
from services.worker.jobs.viewings import (
    make_confirmations,
    remove_expired_viewings,
    settle_waiting_lists,
)
from services.worker.lease_sweep import LeaseSweep
from services.worker.polling import Poller
from services.worker.sweeper import PeriodicTask, Sweeper
from shared.audit.head_exports import HeadExporter
from shared.audit.service import append_pending
from shared.changes.repository import record_openings, remove_events
from shared.core.clock import database_now
from shared.core.database import (
    Sessions,
    open_engine,
    refuse_other_schemas,
    require_usable_database,
    session_factory,
)
from shared.core.deadlines import deadline
from shared.core.logging import describe_error
from shared.core.session_limits import LIMITS
from shared.core.settings import Settings
from shared.core.unit_of_work import UnitOfWork
from shared.core.version import package_version
from shared.deliveries.uploads import remove_orphaned_uploads
from shared.documents.grants.service import remove_old_grants
from shared.documents.objects import MIN_ORPHAN_AGE, remove_orphaned_objects
from shared.documents.rebuilds.service import start_rebuilds
from shared.idempotency.service import remove_old_responses
from shared.jobs.monitoring import SEEN_INTERVAL, record_worker, remove_worker
from shared.jobs.queue import WakeUpQueue, open_broker
from shared.oauth.repository import remove_expired
from shared.release_plans.checks import start_checks
from shared.storage.store import Storage, open_storage
from shared.viewings.codes import ViewingKey

logger = structlog.get_logger(__name__)

STOP_MILLISECONDS = 5_000
IDLE_MILLISECONDS = 200
"""The polling interval of an idle worker."""

GC_THRESHOLD = 100_000
"""New objects before a garbage collection: a school makes tens of thousands, few of them cycles."""

SWEEP_SECONDS = 30.0
"""The longest time that a periodic task waits for the response to a statement."""

LEAVE_SECONDS = 3.0

REBUILDS_INTERVAL = timedelta(seconds=0.5)
"""Schools wait for it after a correction."""
GRANTS_INTERVAL = timedelta(minutes=5)
RESPONSES_INTERVAL = timedelta(minutes=5)
OBJECTS_INTERVAL = timedelta(hours=1)
EVENTS_INTERVAL = timedelta(hours=1)
IDENTIFIERS_INTERVAL = timedelta(seconds=10)
UPLOADS_INTERVAL = timedelta(minutes=5)
UPLOADS_MAX_AGE = timedelta(hours=6)
"""Longer than any upload takes: its row is written once it is complete."""


def run_worker(settings: Settings) -> None:
    """Run until SIGTERM or SIGINT; items in progress get 5 seconds to finish.

    Raises:
        ConfigurationError: the worker cannot use the database, or a key.
    """
    gc.set_threshold(GC_THRESHOLD)
    stop_requested = Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop_requested.set())
    viewing_key_file = settings.require_file("viewing_key_file")
    broker, execution = create_worker(settings)
    viewing_key = ViewingKey.read(viewing_key_file)
    engine = open_engine(
        settings,
        application_name="toetsfeedback-sweeper",
        limits=LIMITS["worker"],
        wait_seconds=SWEEP_SECONDS,
    )
    refuse_other_schemas(engine)
    require_usable_database(engine)
    sessions, worker_id = session_factory(engine), uuid4()
    tasks = *periodic_tasks(settings), *viewing_tasks(settings, sessions, viewing_key)
    sweeper = Sweeper(sessions, _presence(worker_id), *tasks)
    poller = Poller(execution, timedelta(seconds=settings.job_sweep_seconds))
    worker = dramatiq.Worker(
        broker, worker_threads=settings.worker_threads, worker_timeout=IDLE_MILLISECONDS
    )
    worker.queue_prefetch = settings.worker_threads  # a busy process must not prefetch messages
    if settings.worker_metrics_port:
        start_http_server(settings.worker_metrics_port, addr=settings.worker_metrics_host)
    worker.start()
    sweeper.start()
    poller.start()
    logger.info("worker_started", metrics_port=settings.worker_metrics_port or None)
    stop_requested.wait()
    sweeper.stop()
    ends_at = monotonic() + STOP_MILLISECONDS / 1000
    worker.stop(timeout=STOP_MILLISECONDS)
    poller.join(max(0.0, ends_at - monotonic()))
    broker.close()
    _leave(sessions, worker_id)
    engine.dispose()
    logger.info("worker_stopped")


def _presence(worker_id: UUID) -> PeriodicTask:
    """Return the task that tells monitoring that this worker runs."""
    version = package_version()
    return PeriodicTask(
        "presence", SEEN_INTERVAL, lambda unit: record_worker(unit.session, worker_id, version)
    )


def _leave(sessions: Sessions, worker_id: UUID) -> None:
    """Tell monitoring that this worker has stopped; without the database it is not seen again.

    A database can also be read-only or full.
    """
    try:
        with deadline(LEAVE_SECONDS), UnitOfWork(sessions) as unit:
            remove_worker(unit.session, worker_id)
    except SQLAlchemyError as error:
        logger.warning("worker_not_removed", **describe_error(error))


def periodic_tasks(settings: Settings) -> tuple[PeriodicTask, ...]:
    """Return the tasks of the sweeper."""
    storage = open_storage(settings.storage_url)
    exporter = HeadExporter(storage)
    queue = WakeUpQueue(open_broker(settings, middleware=[]))
    return (
        PeriodicTask(
            "leases",
            timedelta(seconds=settings.job_sweep_seconds),
            LeaseSweep(
                settings.job_max_attempts,
                lease_seconds=settings.job_lease_seconds,
                interval_seconds=settings.job_sweep_seconds,
            ),
        ),
        PeriodicTask(
            "rebuilds",
            min(REBUILDS_INTERVAL, timedelta(seconds=settings.job_sweep_seconds)),
            lambda unit: start_rebuilds(unit, queue),
        ),
        PeriodicTask(
            "openings",
            timedelta(seconds=settings.job_sweep_seconds),
            lambda unit: start_checks(unit, queue),
        ),
        PeriodicTask(
            "change-events",
            timedelta(seconds=settings.job_sweep_seconds),
            lambda unit: record_openings(unit.session),
        ),
        PeriodicTask(
            "old-change-events", EVENTS_INTERVAL, lambda unit: remove_events(unit.session)
        ),
        PeriodicTask(
            "reading-guides",
            timedelta(seconds=settings.job_sweep_seconds),
            lambda unit: publish_bundled_guides(unit, storage),
        ),
        PeriodicTask(
            "download-grants", GRANTS_INTERVAL, lambda unit: remove_old_grants(unit.session)
        ),
        PeriodicTask(
            "stored-responses", RESPONSES_INTERVAL, lambda unit: remove_old_responses(unit.session)
        ),
        PeriodicTask(
            "incomplete-objects",
            OBJECTS_INTERVAL,
            lambda unit: _remove_partial_files(unit, storage),
        ),
        PeriodicTask(
            "orphaned-objects",
            OBJECTS_INTERVAL,
            lambda unit: remove_orphaned_objects(unit, storage),
        ),
        PeriodicTask(
            "identifiers", IDENTIFIERS_INTERVAL, lambda unit: remove_expired(unit.session)
        ),
        PeriodicTask(
            "pending-audit-events",
            timedelta(seconds=settings.job_sweep_seconds),
            lambda unit: append_pending(unit.session),
            repeats=True,
        ),
        PeriodicTask(
            "audit-heads",
            timedelta(seconds=settings.audit_export_seconds),
            exporter.export,
        ),
        PeriodicTask(
            "uploads",
            UPLOADS_INTERVAL,
            lambda unit: remove_orphaned_uploads(unit, storage, UPLOADS_MAX_AGE),
        ),
    )


def viewing_tasks(
    settings: Settings, sessions: Sessions, key: ViewingKey
) -> tuple[PeriodicTask, ...]:
    """Return the tasks of test viewing, which settle each registration in its own transaction."""
    storage = open_storage(settings.storage_url)
    interval = timedelta(seconds=settings.job_sweep_seconds)
    return (
        PeriodicTask("waiting-lists", interval, lambda _: settle_waiting_lists(sessions)),
        PeriodicTask(
            "viewing-confirmations",
            interval,
            lambda _: make_confirmations(sessions, storage, key),
        ),
        PeriodicTask(
            "expired-viewings",
            OBJECTS_INTERVAL,
            lambda unit: remove_expired_viewings(unit, storage),
        ),
    )


def _remove_partial_files(unit: UnitOfWork, storage: Storage) -> int:
    written_before = database_now(unit.session) - MIN_ORPHAN_AGE
    unit.end_reading()
    return storage.remove_partial_files(written_before)
