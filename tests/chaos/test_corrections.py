"""A correction of one student in each of ten schools while schools read, and workers are killed."""

import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from threading import Event, Thread

import pytest

from shared.core.secrets import read_insz_key
from shared.deliveries.service import import_delivery
from tests.chaos.corrected_students import (
    CorrectedStudent,
    Snapshot,
    correction_of,
    draw_students,
    rebuilding,
    snapshot,
)
from tests.chaos.correction_readers import Reader, Reading
from tests.chaos.deployment import Deployment
from tests.chaos.invariants import stored_hashes, wait_for_jobs

SCHOOLS = 10
READERS = 3
UNLIMITED = {
    f"TOETSFEEDBACK_API_{of}_REQUESTS_PER_MINUTE": "1000000" for of in ("SCHOOL", "CLIENT")
}

pytestmark = [
    pytest.mark.journey,
    pytest.mark.xdist_group("chaos-corrections"),
    pytest.mark.timeout(600),
]


@pytest.fixture(scope="module")
def deployment(seed: int) -> Iterator[Deployment]:
    """Run ten schools with released documents."""
    directory = Path(tempfile.mkdtemp(prefix="toetsfeedback-chaos-"))
    deployment = Deployment(directory / "data")
    deployment.environment |= UNLIMITED
    try:
        with deployment.running(SCHOOLS, seed):
            deployment.build()
            wait_for_jobs(deployment)
            yield deployment
    finally:
        shutil.rmtree(directory)


@contextmanager
def reading(deployment: Deployment, students: list[CorrectedStudent]) -> Iterator[list[Reading]]:
    """Read as the schools of some students during the block; the readings are complete after it."""
    stopped = Event()
    readers = [Reader(deployment, one, stopped) for one in students[:READERS]]
    threads = [Thread(target=reader.run) for reader in readers]
    readings: list[Reading] = [reader.reading for reader in readers]
    for thread in threads:
        thread.start()
    try:
        deployment.wait_until(lambda: all(len(one.observed) >= 6 for one in readings))
        yield readings
        time.sleep(0.5)
    finally:
        stopped.set()
        for thread in threads:
            thread.join()


def correct(deployment: Deployment, students: list[CorrectedStudent]) -> float:
    """Import a correction of these students; return the moment of its commit."""
    path = correction_of(deployment, students)
    key = read_insz_key(deployment.settings.require_file("insz_key_file"))
    with deployment.unit_of_work() as unit:
        outcome = import_delivery(unit.session, path, insz_key=key, received_from="chaos")
        assert outcome.status == "applied", outcome.report
    return time.monotonic()


def assert_exactly_replaced(
    before: Snapshot, after: Snapshot, students: list[CorrectedStudent]
) -> None:
    """Assert that the documents of the students are new, and the bytes of all others the same."""
    assert before.keys() == after.keys()
    replaced = {one for one in after if after[one].version != before[one].version}
    assert replaced == {one for one in after if any(s.is_shown_in(after[one]) for s in students)}
    for one in after.keys() - replaced:
        assert after[one].digest == before[one].digest
        assert after[one].built_at == before[one].built_at
        if not any(student.is_classmate_of(after[one]) for student in students):
            assert after[one].storage_keys == before[one].storage_keys


def test_a_correction_replaces_its_documents_at_once_and_no_others(
    deployment: Deployment, rng: Random
) -> None:
    students = draw_students(deployment, rng)
    assert len({student.school_id for student in students}) == SCHOOLS
    before = snapshot(deployment)
    with reading(deployment, students) as readings:
        committed_at = correct(deployment, students)
        deployment.wait_until(lambda: rebuilding(deployment) == 0)
        seconds = time.monotonic() - committed_at
    print(f"correction of {len(students)} students in {SCHOOLS} schools: {seconds:.2f} s")  # noqa: T201
    after = snapshot(deployment)
    stored_hashes(deployment)
    assert_exactly_replaced(before, after, students)
    for one in readings:
        one.require_no_mixture(before, after)


def test_killed_workers_lose_no_correction(deployment: Deployment, rng: Random) -> None:
    students = draw_students(deployment, rng)
    before = snapshot(deployment)
    with reading(deployment, students) as readings:
        correct(deployment, students)
        for _ in range(3):
            deployment.wait_until(
                lambda: deployment.items("running") > 0 or rebuilding(deployment) == 0
            )
            deployment.kill(*deployment.workers)
            deployment.start(*deployment.workers)
        deployment.wait_until(lambda: rebuilding(deployment) == 0)
    wait_for_jobs(deployment)
    after = snapshot(deployment)
    stored_hashes(deployment)
    assert_exactly_replaced(before, after, students)
    for one in readings:
        one.require_no_mixture(before, after)
