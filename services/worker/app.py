"""Composition root of the worker: a broker with an actor for every kind of job."""

from collections.abc import Callable
from datetime import timedelta
from uuid import UUID

import dramatiq
from sqlalchemy.orm import Session

from services.worker.actors.deliveries import apply_delivery
from services.worker.actors.documents import Press, build_school
from services.worker.execution import Execution, Perform, Performed
from shared.core.database import open_engine, session_factory
from shared.core.secrets import read_insz_key
from shared.core.settings import Settings
from shared.jobs.claims import Claim
from shared.jobs.queue import open_broker
from shared.jobs.rules import APPLY_DELIVERY, BUILD_DOCUMENTS, Lane
from shared.storage.store import open_storage


def create_broker(settings: Settings) -> dramatiq.Broker:
    """A broker ready for `dramatiq.Worker`; it connects to nothing until it is used."""
    broker = open_broker(settings, middleware=[])
    sessions = session_factory(open_engine(settings, application_name="toetsfeedback-worker"))
    execution = Execution(
        sessions, timedelta(seconds=settings.job_lease_seconds), settings.job_max_attempts
    )
    storage = open_storage(settings.storage_url)
    insz_key = read_insz_key(settings.insz_key_file)
    press = Press()

    def build(session: Session, claim: Claim) -> Performed:
        return build_school(session, claim, storage, press)

    def apply(session: Session, claim: Claim) -> Performed:
        return apply_delivery(session, claim, storage, insz_key)

    for kind, perform in {BUILD_DOCUMENTS: build, APPLY_DELIVERY: apply}.items():
        _declare(broker, kind, execution, perform)
    return broker


def _declare(broker: dramatiq.Broker, kind: str, execution: Execution, perform: Perform) -> None:
    def run(item_id: str) -> None:
        execution.run(UUID(item_id), perform)

    declare: Callable[..., object] = dramatiq.actor
    declare(run, actor_name=kind, queue_name=Lane.BULK.value, broker=broker)
