from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import httpx

from shared.audit.service import verify
from shared.core.database import Sessions
from shared.core.unit_of_work import UnitOfWork
from tests.api.conftest import AuditLog, Callers
from tests.api.seeding import OTHER, SCHOOL, Seeded

READERS, READS = 100, 3


def test_concurrent_reads_record_one_audit_event_per_decision(
    callers: Callers, seeded: Seeded, audit_log: AuditLog, sessions: Sessions
) -> None:
    """Half of the readers read their own student; the others one of another school."""
    own, other_school = callers.school(SCHOOL), callers.school(OTHER)
    student = seeded.students["first"]

    def read(number: int) -> list[int]:
        client: httpx.Client = own if number % 2 else other_school
        return [client.get(f"/v1/students/{student}").status_code for _ in range(READS)]

    with ThreadPoolExecutor(READERS) as pool:
        responses = Counter(
            status for statuses in pool.map(read, range(READERS)) for status in statuses
        )
    half = READERS * READS // 2
    assert responses == {200: half, 404: half}
    assert Counter(audit_log.decisions()) == {
        ("getStudent", SCHOOL, "allowed", "granted"): half,
        ("getStudent", SCHOOL, "refused", "reach"): half,
    }
    with UnitOfWork(sessions) as unit:
        assert list(verify(unit.session, {})) == []
