"""The worker process: hears calls and sweeps, until it is told to stop."""

import gc
import signal
from datetime import timedelta
from threading import Event

import dramatiq
import structlog
from prometheus_client import start_http_server

from services.worker.app import create_broker
from services.worker.sweeper import Chore, Sweeper
from shared.core.clock import database_now
from shared.core.database import open_engine, session_factory
from shared.core.settings import Settings
from shared.deliveries.uploads import remove_orphaned_uploads
from shared.documents.grants.service import remove_old_grants
from shared.documents.objects import REST, remove_orphans
from shared.idempotency.service import remove_old_answers
from shared.jobs.queue import WakeUpQueue
from shared.jobs.service import sweep
from shared.oauth.repository import sweep as sweep_identifiers
from shared.storage.store import open_storage

logger = structlog.get_logger(__name__)

STOP_MILLISECONDS = 5_000
IDLE_MILLISECONDS = 200
"""How long a worker with nothing to do goes without looking for a call."""

COLLECT_EVERY = 100_000
"""So many new objects, until cycles among them are looked for: a school makes tens of thousands, of
which next to none need that."""

GRANTS_EVERY = timedelta(minutes=5)
ANSWERS_EVERY = timedelta(minutes=5)
ORPHANS_EVERY = timedelta(hours=1)
IDENTIFIERS_EVERY = timedelta(seconds=10)
UPLOADS_EVERY = timedelta(minutes=5)
UPLOADS_OLDER_THAN = timedelta(hours=6)
"""Longer than any upload takes, since its row is written when all of it is there."""


def run_worker(settings: Settings) -> None:
    """Runs until SIGTERM or SIGINT; what is under way is finished first, within 5 seconds."""
    gc.set_threshold(COLLECT_EVERY)
    told_to_stop = Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: told_to_stop.set())
    broker = create_broker(settings)
    engine = open_engine(settings, application_name="toetsfeedback-sweeper")
    sweeper = Sweeper(session_factory(engine), *_chores(settings, WakeUpQueue(broker)))
    worker = dramatiq.Worker(
        broker, worker_threads=settings.worker_threads, worker_timeout=IDLE_MILLISECONDS
    )
    worker.queue_prefetch = settings.worker_threads  # a call must not wait in a process that works
    if settings.worker_metrics_port:
        start_http_server(settings.worker_metrics_port, addr=settings.worker_metrics_host)
    worker.start()
    sweeper.start()
    logger.info("worker_started", metrics_port=settings.worker_metrics_port or None)
    told_to_stop.wait()
    sweeper.stop()
    worker.stop(timeout=STOP_MILLISECONDS)
    broker.close()
    engine.dispose()
    logger.info("worker_stopped")


def _chores(settings: Settings, queue: WakeUpQueue) -> tuple[Chore, ...]:
    storage = open_storage(settings.storage_url)
    return (
        Chore(
            "wake-ups",
            timedelta(seconds=settings.job_sweep_seconds),
            lambda session: sweep(session, queue, settings.job_max_attempts),
        ),
        Chore("download-grants", GRANTS_EVERY, remove_old_grants),
        Chore("kept-answers", ANSWERS_EVERY, remove_old_answers),
        Chore(
            "half-written",
            ORPHANS_EVERY,
            lambda session: storage.remove_half_written(database_now(session) - REST),
        ),
        Chore("orphans", ORPHANS_EVERY, lambda session: remove_orphans(session, storage)),
        Chore("identifiers", IDENTIFIERS_EVERY, sweep_identifiers),
        Chore(
            "uploads",
            UPLOADS_EVERY,
            lambda session: remove_orphaned_uploads(session, storage, UPLOADS_OLDER_THAN),
        ),
    )
