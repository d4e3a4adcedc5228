"""What becomes outdated while it is built is built again, in the same job."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import select, text

from services.worker.documents.school_production import Renderers
from services.worker.execution import Execution, HandlerResult
from services.worker.jobs.documents import MAX_ROUNDS, build_school
from shared.core.database import Sessions, open_engine, session_factory
from shared.core.settings import Settings
from shared.core.unit_of_work import UnitOfWork
from shared.documents.building import start_build
from shared.documents.catalogues import CatalogueCache
from shared.documents.models import Document
from shared.jobs import repository
from shared.jobs.claims import Claim
from shared.jobs.models import Job, JobItem
from shared.jobs.queue import WakeUpQueue
from shared.jobs.rules import BUILD_DOCUMENTS
from shared.schools.models import Participation
from shared.storage.store import Storage
from tests.deliveries.delivery_files import correction, full, run_import

FIRST, SECOND = "000028", "007947"


class ChangingStorage(Storage):
    """A store that calls `change` before it stores an overview, so many times."""

    change: Callable[[], None]
    times = 0

    def _write(self, key: str, content: bytes | Path | Iterable[bytes]) -> None:
        if self.times and key.endswith(".xlsx"):
            self.times -= 1
            self.change()
        super()._write(key, content)


@dataclass
class Build:
    """The build of two schools by a worker, with its own login, and corrections meanwhile."""

    owner: Sessions
    execution: Execution
    storage: ChangingStorage
    queue: WakeUpQueue
    directory: Path
    sequence: int = 1

    def start(self, *, force: bool = False) -> UUID:
        with UnitOfWork(self.owner) as unit:
            return start_build(unit, self.queue, "2024", None, "tests", force=force).id

    def correct(self, *students: str) -> None:
        """Import a correction of these students with the login of a worker."""
        self.sequence += 1
        rows = [[student, "LEZ4", "reported", "D", "1"] for student in students]
        delivery = correction(self.sequence, results=rows)
        path = delivery.write(self.directory / f"delivery-{self.sequence}")
        with UnitOfWork(self.execution.sessions) as unit:
            outcome = run_import(unit.session, path)
            assert outcome.status == "applied", outcome.report

    def result(self, job_id: UUID) -> tuple[str, int]:
        """Return the state of the job, and how often items were repeated."""
        with UnitOfWork(self.owner) as unit:
            outcome = repository.sum_outcomes(unit.session, job_id)
            return unit.session.get_one(Job, job_id).state, outcome.get("repeated", 0)

    def visible(self, school: str) -> int:
        """Count the documents that are up to date."""
        with UnitOfWork(self.owner) as unit:
            query = select(Document.id).join(Participation)
            current = Participation.facts_revision == Document.facts_revision
            return len(
                unit.session.scalars(query.where(current, Document.school_id == school)).all()
            )


@pytest.fixture
def build(
    settings: Settings,
    settings_of: Callable[[str], Settings],
    sessions: Sessions,
    storage: Storage,
    queue: WakeUpQueue,
    tmp_path: Path,
) -> Iterator[Build]:
    changing = ChangingStorage(storage.backend, settings.storage_url)
    engine = open_engine(settings_of("worker"), application_name="tests-worker")

    def handler(unit: UnitOfWork, claim: Claim) -> HandlerResult:
        return build_school(unit, claim, changing, CatalogueCache(), Renderers())

    worker = session_factory(engine)
    execution = Execution(worker, queue, {BUILD_DOCUMENTS: handler}, timedelta(seconds=30), 1, 8)
    with UnitOfWork(sessions) as unit:
        for table in ("documents", "job_failures", "job_items", "jobs"):
            unit.session.execute(text(f"delete from {table}"))
        unit.session.execute(text("truncate administrations, deliveries, schools cascade"))
    with UnitOfWork(worker) as unit:
        assert run_import(unit.session, full().write(tmp_path / "first")).status == "applied"
    yield Build(sessions, execution, changing, queue, tmp_path)
    engine.dispose()


def test_a_correction_while_a_school_is_built_is_in_its_documents(build: Build) -> None:
    build.storage.change, build.storage.times = lambda: build.correct("s1"), 1
    job_id = build.start()
    build.execution.run()
    assert build.result(job_id) == ("done", 1)
    assert build.visible(FIRST) > 0
    assert build.visible(SECOND) > 0


def test_schools_that_were_built_before_a_correction_are_built_again(build: Build) -> None:
    job_id = build.start()
    run_one(build)
    with UnitOfWork(build.owner) as unit:
        built = unit.session.scalars(select(JobItem.subject).where(JobItem.state == "done")).one()
    build.correct(*(("s1",) if built == FIRST else ("s5",)))
    assert build.visible(built) == 0
    build.execution.run()
    assert build.result(job_id) == ("done", 1)
    assert build.visible(FIRST) > 0
    assert build.visible(SECOND) > 0


def run_one(build: Build) -> None:
    """Let the worker build one school only."""
    build.storage.change, build.storage.times = build.execution.stopping.set, 1
    build.execution.run()
    build.execution.stopping.clear()


def test_a_job_that_is_done_is_not_queued_again(build: Build) -> None:
    job_id = build.start()
    build.execution.run()
    build.correct("s1")
    assert build.result(job_id) == ("done", 0)
    assert build.visible(FIRST) == 0


def test_two_builds_of_a_school_leave_the_documents_of_one_of_them(build: Build) -> None:
    other = build.start(force=True)
    build.storage.change, build.storage.times = replace(build.execution).run, 1
    job_id = build.start()
    build.execution.run()
    results = [build.result(job) for job in (job_id, other)]
    assert [state for state, _ in results] == ["done", "done"]
    assert sum(repeated for _, repeated in results) > 0
    with UnitOfWork(build.owner) as unit:
        for school in (FIRST, SECOND):
            documents = unit.session.scalars(select(Document).where(Document.school_id == school))
            for document in documents:
                stored = b"".join(build.storage.stream_segments(document.segments))
                assert len(stored) == document.byte_size


def test_a_school_that_keeps_changing_fails_with_the_remedy(build: Build) -> None:
    build.storage.change, build.storage.times = lambda: build.correct("s1", "s5"), 1000
    job_id = build.start()
    build.execution.run()
    with UnitOfWork(build.owner) as unit:
        problems = unit.session.scalars(select(JobItem.problem).where(JobItem.state == "failed"))
        codes = {problem["code"] for problem in problems if problem}
    assert codes == {"schoolChanged"}
    assert build.result(job_id)[0] in {"done", "failed"}
    assert build.sequence > MAX_ROUNDS


def test_an_object_that_is_lost_is_made_again_without_force(build: Build) -> None:
    build.start()
    build.execution.run()
    with UnitOfWork(build.owner) as unit:
        document = unit.session.scalars(select(Document).where(Document.kind == "overview")).first()
        assert document is not None
        unit.session.execute(text("select request_rebuild(:id)"), {"id": document.id})
        build.storage.delete(document.storage_keys)
    job_id = build.start()
    build.execution.run()
    with UnitOfWork(build.owner) as unit:
        outcome = repository.sum_outcomes(unit.session, job_id)
        again = unit.session.get_one(Document, document.id)
        assert b"".join(build.storage.stream_segments(again.segments)) != b""
        requests = unit.session.execute(text("select count(*) from rebuild_requests"))
        assert requests.scalar_one() == 0
    assert outcome["overviews"] == 1
    assert outcome["fiches"] == 0
    assert outcome["unchanged"] > 0
