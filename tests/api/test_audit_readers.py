from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import httpx

from shared.audit.service import verify
from shared.core.database import Sessions
from shared.core.unit_of_work import UnitOfWork
from tests.api.conftest import Callers, Trail
from tests.api.seeding import OTHER, SCHOOL, Seeded

READERS, READS = 100, 3


def test_a_hundred_readers_at_once_leave_one_entry_per_decision(
    callers: Callers, seeded: Seeded, trail: Trail, sessions: Sessions
) -> None:
    """Half read their own students; the others ask for a student of another school."""
    own, others = callers.school(SCHOOL), callers.school(OTHER)
    student = seeded.students["first"]

    def read(number: int) -> list[int]:
        client: httpx.Client = own if number % 2 else others
        return [client.get(f"/v1/students/{student}").status_code for _ in range(READS)]

    with ThreadPoolExecutor(READERS) as pool:
        answers = Counter(status for found in pool.map(read, range(READERS)) for status in found)
    half = READERS * READS // 2
    assert answers == {200: half, 404: half}
    assert Counter(trail.verdicts()) == {
        ("getStudent", SCHOOL, "allowed", "granted"): half,
        ("getStudent", SCHOOL, "refused", "reach"): half,
    }
    with UnitOfWork(sessions) as unit:
        assert list(verify(unit.session, {})) == []
