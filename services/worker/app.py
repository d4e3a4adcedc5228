"""Composition root of the worker: a broker with an actor for every kind of job."""

from collections.abc import Callable
from datetime import timedelta

import dramatiq
from dramatiq.brokers.redis import RedisBroker

from services.worker.actors.deliveries import apply_delivery
from services.worker.actors.documents import Press, build_school
from services.worker.execution import Execution, Performed
from shared.core.database import open_engine, session_factory
from shared.core.secrets import read_insz_key
from shared.core.settings import Settings
from shared.core.unit_of_work import UnitOfWork
from shared.jobs.claims import Claim
from shared.jobs.queue import WAKE_UPS, WakeUpQueue, open_broker
from shared.jobs.rules import APPLY_DELIVERY, BUILD_DOCUMENTS
from shared.storage.store import open_storage


def create_broker(settings: Settings) -> RedisBroker:
    """A broker ready for `dramatiq.Worker`; it connects to nothing until it is used."""
    broker = open_broker(settings, middleware=[])
    engine = open_engine(settings, application_name="toetsfeedback-worker")
    storage = open_storage(settings.storage_url)
    insz_key = read_insz_key(settings.insz_key_file)
    press = Press()

    def build(unit: UnitOfWork, claim: Claim) -> Performed:
        return build_school(unit.session, claim, storage, press)

    def apply(unit: UnitOfWork, claim: Claim) -> Performed:
        return apply_delivery(unit, claim, storage, insz_key)

    execution = Execution(
        sessions=session_factory(engine),
        queue=WakeUpQueue(broker),
        performers={BUILD_DOCUMENTS: build, APPLY_DELIVERY: apply},
        lease=timedelta(seconds=settings.job_lease_seconds),
        max_attempts=settings.job_max_attempts,
        interactive_weight=settings.job_interactive_weight,
    )
    broker.add_middleware(_StopsBetweenItems(execution))
    for kind in execution.performers:
        _declare(broker, kind, execution)
    return broker


class _StopsBetweenItems(dramatiq.Middleware):
    """Lets a worker that is told to stop finish its item and take no other."""

    def __init__(self, execution: Execution) -> None:
        self._execution = execution

    def before_worker_shutdown(self, _broker: dramatiq.Broker, _worker: dramatiq.Worker) -> None:
        self._execution.stopping.set()


def _declare(broker: dramatiq.Broker, kind: str, execution: Execution) -> None:
    """Whichever kind a call is for, the best item of any kind is taken."""

    def run() -> None:
        execution.run()

    declare: Callable[..., object] = dramatiq.actor
    declare(run, actor_name=kind, queue_name=WAKE_UPS, broker=broker)
