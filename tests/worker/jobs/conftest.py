import pytest
from sqlalchemy.orm import Session

from shared.core.unit_of_work import UnitOfWork
from shared.deliveries.service import import_delivery
from shared.jobs import service
from shared.jobs.models import Job
from shared.jobs.queue import WakeUpQueue
from shared.jobs.rules import BUILD_DOCUMENTS, Lane
from tests.worker.jobs.building import KEY, PRIMARY, SAMPLE


@pytest.fixture
def delivered(session: Session) -> Session:
    outcome = import_delivery(session, SAMPLE, insz_key=KEY, received_from="tests")
    assert outcome.status == "applied", outcome.report
    return session


@pytest.fixture
def job(unit: UnitOfWork, delivered: Session, queue: WakeUpQueue) -> Job:  # noqa: ARG001  # the facts
    order = service.NewJob(BUILD_DOCUMENTS, Lane.BULK, "2024", [PRIMARY], "tests")
    return service.start(unit, queue, order)
