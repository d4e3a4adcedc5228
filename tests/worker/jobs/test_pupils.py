"""After each of any deliveries, each school reads its own pupils with their own levels, no other.

The environment variable `SEQUENCES` sets the number of sequences of deliveries; `make fuzz` tries
two thousand.
"""

import os
import tempfile
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy.orm import Session

from services.worker.documents.school_production import Renderers
from services.worker.jobs.documents import build_school
from shared.core.unit_of_work import UnitOfWork
from shared.documents.catalogues import CatalogueCache
from shared.jobs import service
from shared.jobs.models import Job
from shared.jobs.queue import WakeUpQueue
from shared.jobs.rules import BUILD_DOCUMENTS, Lane
from shared.releases.models import ReleaseWindow
from shared.schools.models import Participation
from shared.storage.store import Storage
from tests.deliveries.delivery_files import DeliveryFiles, run_import
from tests.worker.jobs import reading
from tests.worker.jobs.building import claimed
from tests.worker.jobs.pupil_changes import CODES, PEOPLE, Changes, Rows, merge_or_split
from tests.worker.jobs.pupils import (
    CLASS_GROUPS,
    FIRST,
    MERGED,
    SECOND,
    STUDENT_COLUMNS,
    Pupils,
    empty_delivery,
    whole_delivery,
)

SEQUENCES = int(os.environ.get("SEQUENCES", "12"))
PER_TEST = min(SEQUENCES, 100)
STEPS = 5
SCHOOLS = (FIRST, SECOND, MERGED)
RENDERERS = Renderers()


class Deliveries(RuleBasedStateMachine):
    """Deliveries to one administration; `pupils` is the model of what they have to lead to."""

    def __init__(self, session: Session, storage: Storage, job: Job) -> None:
        super().__init__()
        self._session, self._storage, self._job = session, storage, job
        self._attempt = session.begin_nested()
        self._directory = tempfile.TemporaryDirectory()
        self._sequence = 1
        self._built: dict[str, int] = {}
        self.pupils = Pupils()

    @initialize()
    def begin(self) -> None:
        for code, school, place, person in (
            ("p1", FIRST, 0, 0),
            ("p2", FIRST, 1, 1),
            ("p3", SECOND, 0, 2),
            ("p3", FIRST, 0, 2),
        ):
            self.pupils.put(code, school, CLASS_GROUPS[school][place], PEOPLE[person])
        self.pupils.levels = {("p1", "LEZ4"): "C", ("p2", "WIS4"): "D", ("p3", "LEZ4"): "E"}
        self._deliver(whole_delivery(1, self.pupils, {}), is_accepted=True)
        opens_at = datetime(2024, 1, 1, tzinfo=UTC)
        window = {"administration_id": reading.ADMINISTRATION, "product": "studentFeedback"}
        self._session.add(ReleaseWindow(**window, opens_at=opens_at))
        self._session.flush()
        self._check()

    @rule(data=st.data())
    def correct(self, data: st.DataObject) -> None:
        """Submit a correction of some codes, each changed in one way."""
        after, rows = self.pupils.copy(), Rows()
        codes = data.draw(st.lists(st.sampled_from(CODES), min_size=1, max_size=3, unique=True))
        for code in codes:
            Changes(data.draw, self.pupils, after, rows).apply(code)
        after.forget_levels()
        delivery = empty_delivery(self._sequence, "correction")
        delivery.rows["students.csv"] = [STUDENT_COLUMNS, *rows.students]
        delivery.rows["results.csv"] = [
            ["student", "component", "status", "level", "scale_score"],
            *rows.results,
        ]
        self._submit(delivery, after, rows)

    @rule(data=st.data(), merges=st.sampled_from([False, False, True]))
    def replace(self, data: st.DataObject, merges: bool) -> None:  # noqa: FBT001  # a drawn value
        """Submit a full delivery of the pupils after some changes, or a merger."""
        after, rows = self.pupils.copy(), Rows()
        codes = data.draw(st.lists(st.sampled_from(CODES), max_size=3, unique=True))
        for code in codes:
            Changes(data.draw, self.pupils, after, rows, is_full=True).apply(code)
        if merges and rows.is_accepted:
            merge_or_split(self.pupils, after, rows)
        after.forget_levels()
        delivery = whole_delivery(self._sequence, after, rows.previous)
        delivery.rows["students.csv"] += [row for row in rows.students if row[7] == "ended"]
        self._submit(delivery, after, rows)

    def teardown(self) -> None:
        self._attempt.rollback()
        self._session.expire_all()
        self._directory.cleanup()

    def _submit(self, delivery: DeliveryFiles, after: Pupils, rows: Rows) -> None:
        self._deliver(delivery, is_accepted=rows.is_accepted)
        if rows.is_accepted:
            self.pupils = after
        self._check()

    def _deliver(self, delivery: DeliveryFiles, *, is_accepted: bool) -> None:
        path = Path(self._directory.name) / f"{self._sequence}-{os.urandom(4).hex()}"
        outcome = run_import(self._session, delivery.write(path))
        if is_accepted:
            assert outcome.status == "applied", outcome.report["faults"]
            self._sequence += 1
        else:
            assert outcome.status == "refused"
            assert outcome.report["faultCounts"].keys() == {"otherStudent"}

    def _check(self) -> None:
        """Compare what each school reads with the model, before and after a build."""
        self._session.expire_all()
        for school in SCHOOLS:
            assert reading.students_read(self._session, school) == reading.students_of(
                self.pupils, school
            )
            assert reading.results_read(self._session, school) == reading.results_of(
                self.pupils, school
            )
            expected = reading.documents_of(self.pupils, school)
            assert reading.documents_read(self._session, self._storage, school) <= expected
            if self._build(school):
                assert reading.documents_read(self._session, self._storage, school) == expected

    def _build(self, school: str) -> bool:
        """Build the documents of a school with changed facts; False if there are none to build."""
        key = reading.ADMINISTRATION, school
        part = self._session.get(Participation, key)
        if part is None or part.removed_at or self._built.get(school) == part.facts_revision:
            return False
        self._built[school] = part.facts_revision
        build_school(
            self._session, claimed(self._job, school), self._storage, CatalogueCache(), RENDERERS
        )
        self._session.expire_all()
        return True


@pytest.mark.parametrize("first", range(0, SEQUENCES, PER_TEST))
def test_each_school_reads_its_own_pupils_after_any_deliveries(
    unit: UnitOfWork, storage: Storage, queue: WakeUpQueue, first: int
) -> None:
    order = service.NewJob(BUILD_DOCUMENTS, Lane.BULK, reading.ADMINISTRATION, [FIRST], "tests")
    job = service.start(unit, queue, order)

    @seed(first)
    class Machine(Deliveries):
        def __init__(self) -> None:
            super().__init__(unit.session, storage, job)

    run_state_machine_as_test(
        Machine,
        settings=settings(
            max_examples=min(PER_TEST, SEQUENCES - first),
            stateful_step_count=STEPS,
            deadline=None,
            database=None,
            phases=[Phase.generate, Phase.shrink],
            suppress_health_check=list(HealthCheck),
        ),
    )
