"""After each of any deliveries, each school reads its own pupils with their own levels, no other.

The environment variable `SEQUENCES` sets the number of sequences of deliveries; `make fuzz` tries
two thousand.
"""

import os
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from shutil import rmtree
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
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
    RESULT_COLUMNS,
    SECOND,
    STUDENT_COLUMNS,
    Pupils,
    empty_delivery,
    whole_delivery,
)

SEQUENCES = int(os.environ.get("SEQUENCES", "3"))
PER_TEST = 10
STEPS = 5
SCHOOLS = (FIRST, SECOND, MERGED)
SOME_CODES = st.lists(st.sampled_from(CODES), max_size=3, unique=True)
RENDERERS = Renderers()


@dataclass
class Schools:
    """The stored schools, and `pupils`, the model of what the deliveries have to lead to.

    `built` has the facts revision of the documents of each school.
    """

    unit: UnitOfWork
    storage: Storage
    job: Job
    directory: Path
    pupils: Pupils = field(default_factory=Pupils)
    built: dict[str, int] = field(default_factory=dict)
    sequence: int = 1

    @property
    def session(self) -> Session:
        return self.unit.session

    def begin(self) -> None:
        """Deliver three pupils, of whom one is in two schools, and release their documents."""
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
        self.session.add(ReleaseWindow(**window, opens_at=opens_at, before_plans=True))
        self.session.flush()
        self._check()

    def submit(self, delivery: DeliveryFiles, after: Pupils, *, is_accepted: bool) -> None:
        """Submit a delivery, which leads to the pupils `after` if it is accepted."""
        self._deliver(delivery, is_accepted=is_accepted)
        if is_accepted:
            self.pupils = after
        self._check()

    def _deliver(self, delivery: DeliveryFiles, *, is_accepted: bool) -> None:
        path = self.directory / uuid4().hex
        outcome = run_import(self.session, delivery.write(path))
        rmtree(path)
        if is_accepted:
            assert outcome.status == "applied", outcome.report["faults"]
            self.sequence += 1
        else:
            assert outcome.report["faultCounts"].keys() == {"otherStudent"}

    def _check(self) -> None:
        """Compare what each school reads with the model, before and after a build."""
        session, pupils = self.session, self.pupils
        session.expire_all()
        for school in SCHOOLS:
            students = reading.students_read(session, school)
            assert students == reading.students_of(pupils, school)
            assert reading.results_read(session, school) == reading.results_of(pupils, school)
            expected = reading.documents_of(pupils, school)
            assert reading.documents_read(session, self.storage, school) <= expected
            listed = reading.entries_of(pupils, school)
            assert reading.entries_read(session, school) <= listed
            if self._build(school):
                assert reading.entries_read(session, school) == listed
                assert reading.documents_read(session, self.storage, school) == expected

    def _build(self, school: str) -> bool:
        """Build the documents of a school with changed facts; False if there are none to build."""
        part = self.session.get(Participation, (reading.ADMINISTRATION, school))
        if part is None or part.removed_at or self.built.get(school) == part.facts_revision:
            return False
        self.built[school] = part.facts_revision
        claim = claimed(self.job, school)
        build_school(self.unit, claim, self.storage, CatalogueCache(), RENDERERS)
        self.session.expire_all()
        return True


class Deliveries(RuleBasedStateMachine):
    """Any deliveries after the first one; their savepoint is rolled back."""

    def __init__(self, schools: Schools) -> None:
        super().__init__()
        connection = schools.session.connection()
        schools.unit.commit()
        self._savepoint = connection.begin_nested()
        pupils, built = schools.pupils.copy(), {**schools.built}
        self._schools = replace(schools, pupils=pupils, built=built)

    @rule(data=st.data())
    def correct(self, data: st.DataObject) -> None:
        """Submit a correction of some codes, each changed in one way."""
        before, rows = self._schools.pupils, Rows()
        after = before.copy()
        for code in data.draw(
            st.lists(st.sampled_from(CODES), min_size=1, max_size=3, unique=True)
        ):
            Changes(data.draw, before, after, rows).apply(code)
        after.forget_levels()
        delivery = empty_delivery(self._schools.sequence, "correction")
        delivery.rows["students.csv"] = [STUDENT_COLUMNS, *rows.students]
        delivery.rows["results.csv"] = [RESULT_COLUMNS, *rows.results]
        self._schools.submit(delivery, after, is_accepted=rows.is_accepted)

    @rule(data=st.data(), is_merger=st.sampled_from([False, False, True]))
    def replace(self, data: st.DataObject, *, is_merger: bool) -> None:
        """Submit a full delivery of the pupils after some changes, or a merger."""
        before, rows = self._schools.pupils, Rows()
        after = before.copy()
        for code in data.draw(SOME_CODES):
            Changes(data.draw, before, after, rows, is_full=True).apply(code)
        if is_merger and rows.is_accepted:
            merge_or_split(before, after, rows)
        after.forget_levels()
        delivery = whole_delivery(self._schools.sequence, after, rows.previous)
        delivery.rows["students.csv"] += rows.ended
        self._schools.submit(delivery, after, is_accepted=rows.is_accepted)

    def teardown(self) -> None:
        self._schools.session.rollback()
        self._savepoint.rollback()


@pytest.mark.timeout(900)  # two minutes on a machine with many other programs
@pytest.mark.parametrize(
    "first",
    [
        pytest.param(first, marks=pytest.mark.xdist_group(f"pupils {first}"))
        for first in range(0, SEQUENCES, PER_TEST)
    ],
)
def test_each_school_reads_its_own_pupils_after_any_deliveries(
    unit: UnitOfWork, storage: Storage, queue: WakeUpQueue, tmp_path: Path, first: int
) -> None:
    order = service.NewJob(BUILD_DOCUMENTS, Lane.BULK, reading.ADMINISTRATION, [FIRST], "tests")
    schools = Schools(unit, storage, service.start(unit, queue, order), tmp_path)
    schools.begin()

    @seed(first)
    class Machine(Deliveries):
        def __init__(self) -> None:
            super().__init__(schools)

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
