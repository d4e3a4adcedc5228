"""A build after a correction tells an operator nothing of the level of a student."""

from pathlib import Path

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from services.worker.execution import HandlerResult
from shared.core.unit_of_work import UnitOfWork
from shared.documents.models import Document
from shared.jobs import service
from shared.jobs.models import Job
from shared.jobs.queue import WakeUpQueue
from shared.jobs.rules import BUILD_DOCUMENTS, Lane
from shared.storage.store import Storage
from tests.deliveries.delivery_files import DeliveryFiles, correction, full
from tests.deliveries.delivery_rows import import_applied
from tests.worker.jobs.building import PRIMARY, build

LEVELS = "EDC"
STORED = "C"
TOO_LONG = "\n".join(["Leest."] * 250)
"""A description that fits on no fiche."""


@pytest.fixture
def job(unit: UnitOfWork, storage: Storage, queue: WakeUpQueue, tmp_path: Path) -> Job:
    """A job of a school whose documents are built: s1 has level C, s2 level D and s5 level E."""
    import_applied(unit.session, full(), tmp_path)
    order = service.NewJob(BUILD_DOCUMENTS, Lane.BULK, "2024", [PRIMARY], "tests")
    job = service.start(unit, queue, order)
    build(unit.session, storage, job)
    return job


def outcome_after(
    session: Session, delivery: DeliveryFiles, storage: Storage, job: Job, directory: Path
) -> HandlerResult:
    """Return the outcome of a build after the correction, which is rolled back."""
    with session.begin_nested() as attempt:
        import_applied(session, delivery, directory)
        result = build(session, storage, job)
        attempt.rollback()
    return result


def test_outcome_is_the_same_for_a_right_and_a_wrong_level(
    session: Session, storage: Storage, job: Job, tmp_path: Path
) -> None:
    def guess(level: str) -> HandlerResult:
        delivery = correction(2, results=[["s1", "LEZ4", "reported", level, "240.50"]])
        return outcome_after(session, delivery, storage, job, tmp_path)

    outcomes = [guess(level) for level in LEVELS]
    assert outcomes[0] == outcomes[1] == outcomes[2]
    assert (outcomes[0].outcome["fiches"], outcomes[0].outcome["unchanged"]) == (1, 5)


@pytest.mark.parametrize("text", [TOO_LONG, "Leest alles."], ids=["too long", "short"])
def test_outcome_is_the_same_for_a_description_of_any_level(
    session: Session, storage: Storage, job: Job, tmp_path: Path, text: str
) -> None:
    def describe(level: str) -> HandlerResult:
        delivery = correction(2, level_descriptions=[["LEZ4", level, text]])
        return outcome_after(session, delivery, storage, job, tmp_path)

    results = [describe(level) for level in LEVELS]
    assert results[0] == results[1] == results[2]
    assert len(results[0].failures) == (3 if text == TOO_LONG else 0)


def test_documents_that_a_correction_did_not_change_keep_id_and_bytes(
    session: Session, storage: Storage, job: Job, tmp_path: Path
) -> None:
    def stored() -> dict[object, tuple[bytes, int]]:
        session.expire_all()
        return {one.id: (one.sha256, one.version) for one in session.scalars(select(Document))}

    before = stored()
    same = correction(2, results=[["s1", "LEZ4", "reported", STORED, "240.50"]])
    import_applied(session, same, tmp_path)
    assert build(session, storage, job).outcome["unchanged"] == 5
    assert stored() == before
    assert build(session, storage, job).outcome["unchanged"] == len(before)
