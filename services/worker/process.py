"""The worker process: consumes the lanes and sweeps, until it is told to stop."""

import signal
from datetime import timedelta
from threading import Event

import dramatiq
import structlog
from prometheus_client import start_http_server

from services.worker.app import create_broker
from services.worker.sweeper import Sweeper
from shared.core.database import open_engine, session_factory
from shared.core.settings import Settings
from shared.jobs.queue import WakeUpQueue

logger = structlog.get_logger(__name__)

STOP_MILLISECONDS = 5_000


def run_worker(settings: Settings) -> None:
    """Runs until SIGTERM or SIGINT; what is under way is finished first, within 5 seconds."""
    told_to_stop = Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: told_to_stop.set())
    broker = create_broker(settings)
    engine = open_engine(settings, application_name="toetsfeedback-sweeper")
    sweeper = Sweeper(
        session_factory(engine),
        WakeUpQueue(broker),
        every=timedelta(seconds=settings.job_sweep_seconds),
        quiet=timedelta(seconds=settings.job_lease_seconds),
    )
    worker = dramatiq.Worker(broker, worker_threads=settings.worker_threads)
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
