"""Composition root of the worker: an execution of job items, and a broker that starts it."""

from collections.abc import Callable
from datetime import timedelta
from typing import NamedTuple

import dramatiq
from dramatiq.brokers.redis import RedisBroker

from services.worker.documents.fiche import FicheRenderer
from services.worker.documents.school_production import Renderers
from services.worker.execution import Execution, HandlerResult
from services.worker.jobs.deliveries import apply_delivery
from services.worker.jobs.documents import build_school
from services.worker.jobs.feedback import compute_feedback
from services.worker.jobs.openings import OpeningVerifier
from services.worker.queue_log import WatchedBroker
from shared.core.database import open_engine, refuse_other_schemas, session_factory
from shared.core.secrets import derive_key, read_insz_key
from shared.core.session_limits import LIMITS
from shared.core.settings import Settings
from shared.core.unit_of_work import UnitOfWork
from shared.documents.catalogues import CatalogueCache
from shared.jobs.claims import Claim
from shared.jobs.queue import WAKE_UPS, WakeUpQueue, open_client
from shared.jobs.rules import (
    APPLY_DELIVERY,
    BUILD_DOCUMENTS,
    CHECK_OPENING,
    COMPUTE_FEEDBACK,
    VERIFY_OPENING,
)
from shared.release_plans.manifest_signatures import ManifestKey
from shared.school_feedback.computation import Policies
from shared.storage.store import open_storage


class WorkerParts(NamedTuple):
    """A broker for `dramatiq.Worker` with an actor per job kind; each actor runs `execution`."""

    broker: RedisBroker
    execution: Execution


def create_worker(settings: Settings) -> WorkerParts:
    """Return the parts of a worker; they connect to nothing before their first use."""
    broker = WatchedBroker(client=open_client(settings), middleware=[])
    broker.declare_queue(WAKE_UPS)
    engine = open_engine(settings, application_name="toetsfeedback-worker", limits=LIMITS["worker"])
    refuse_other_schemas(engine)
    storage = open_storage(settings.storage_url)
    manifest_key_file = settings.require_file("manifest_key_file")
    insz_key = read_insz_key(settings.require_file("insz_key_file"))
    catalogues = CatalogueCache()
    renderers = Renderers(FicheRenderer(has_back=settings.fiche_has_back))

    def build(unit: UnitOfWork, claim: Claim) -> HandlerResult:
        return build_school(unit, claim, storage, catalogues, renderers)

    def apply(unit: UnitOfWork, claim: Claim) -> HandlerResult:
        return apply_delivery(unit, claim, storage, insz_key, settings.delivery_max_removed_share)

    policies = Policies.of_minimums(
        settings.feedback_minimum_students,
        settings.feedback_minimum_calibrated,
        derive_key(insz_key, "row hidden in addition"),
    )

    def compute(unit: UnitOfWork, claim: Claim) -> HandlerResult:
        return compute_feedback(unit, claim, policies)

    manifest_key = ManifestKey.read_private(manifest_key_file)
    verifier = OpeningVerifier(storage, catalogues, renderers, manifest_key)
    execution = Execution(
        sessions=session_factory(engine),
        queue=WakeUpQueue(broker),
        handlers={
            BUILD_DOCUMENTS: build,
            APPLY_DELIVERY: apply,
            VERIFY_OPENING: verifier.verify,
            CHECK_OPENING: verifier.check,
            COMPUTE_FEEDBACK: compute,
        },
        lease=timedelta(seconds=settings.job_lease_seconds),
        max_attempts=settings.job_max_attempts,
        interactive_weight=settings.job_interactive_weight,
        threads=settings.worker_threads,
        queue_log=broker.log,
    )
    broker.add_middleware(_GracefulShutdown(execution))
    for kind in execution.handlers:
        _declare_actor(broker, kind, execution)
    return WorkerParts(broker, execution)


class _GracefulShutdown(dramatiq.Middleware):
    """Middleware that lets a worker finish its item, without another claim, before it stops."""

    def __init__(self, execution: Execution) -> None:
        self._execution = execution

    def before_worker_shutdown(self, _broker: dramatiq.Broker, _worker: dramatiq.Worker) -> None:
        self._execution.stopping.set()


def _declare_actor(broker: dramatiq.Broker, kind: str, execution: Execution) -> None:
    """Declare an actor that runs the items with the highest priority, of any kind."""

    def run() -> None:
        execution.run()

    declare: Callable[..., object] = dramatiq.actor
    declare(run, actor_name=kind, queue_name=WAKE_UPS, broker=broker)
