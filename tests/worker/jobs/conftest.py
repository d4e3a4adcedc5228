from collections.abc import Callable, Iterator

import pytest
from sqlalchemy.orm import Session

from shared.core.database import Sessions, open_engine, session_factory
from shared.core.settings import Settings
from shared.core.unit_of_work import UnitOfWork
from shared.deliveries.service import import_delivery
from shared.jobs import service
from shared.jobs.models import Job
from shared.jobs.queue import WakeUpQueue
from shared.jobs.rules import BUILD_DOCUMENTS, Lane
from shared.release_plans.manifest_signatures import ManifestKey
from shared.storage.store import Storage
from tests.deliveries.delivery_files import full
from tests.releasing import close_everything
from tests.worker.jobs.building import KEY, PRIMARY, SAMPLE
from tests.worker.jobs.verified_deployment import Deployment


@pytest.fixture
def delivered(session: Session) -> Session:
    outcome = import_delivery(session, SAMPLE, insz_key=KEY, received_from="tests")
    assert outcome.status == "applied", outcome.report
    return session


@pytest.fixture
def job(unit: UnitOfWork, delivered: Session, queue: WakeUpQueue) -> Job:  # noqa: ARG001  # the facts
    order = service.NewJob(BUILD_DOCUMENTS, Lane.BULK, "2024", [PRIMARY], "tests")
    return service.start(unit, queue, order)


@pytest.fixture(scope="module")
def built(
    sessions: Sessions,
    settings: Settings,
    settings_of: Callable[[str], Settings],
    storage: Storage,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Deployment]:
    engine = open_engine(settings_of("worker"), application_name="tests-worker")
    key = ManifestKey.read_private(settings.require_file("manifest_key_file"))
    directory = tmp_path_factory.mktemp("deliveries")
    deployment = Deployment(sessions, session_factory(engine), storage, key, directory)
    deployment.deliver(full(1))
    deployment.build()
    yield deployment
    engine.dispose()


@pytest.fixture
def nothing_planned(sessions: Sessions) -> Iterator[None]:
    yield
    with UnitOfWork(sessions) as unit:
        close_everything(unit.session)
