from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from uuid import uuid4

import pytest
from sqlalchemy import text

from shared.core.database import Sessions
from shared.core.unit_of_work import UnitOfWork
from shared.jobs import claims, service
from shared.jobs.claims import Claim, LeaseLostError
from shared.jobs.queue import WakeUpQueue
from shared.jobs.rules import APPLY_DELIVERY, BUILD_DOCUMENTS, KINDS, Lane

LEASE = timedelta(seconds=30)


@pytest.fixture(autouse=True)
def no_jobs(sessions: Sessions) -> Iterator[None]:
    yield
    with UnitOfWork(sessions) as unit:
        unit.session.execute(text("delete from job_items"))
        unit.session.execute(text("delete from jobs"))


class Starter:
    def __init__(self, sessions: Sessions, queue: WakeUpQueue) -> None:
        self.sessions, self.queue = sessions, queue

    def __call__(self, subject: str, lane: Lane, items: int, kind: str = BUILD_DOCUMENTS) -> None:
        names = [f"{number:06}" for number in range(items)]
        with UnitOfWork(self.sessions) as unit:
            service.start(unit, self.queue, service.NewJob(kind, lane, subject, names, "tests", {}))


@pytest.fixture
def start(sessions: Sessions, queue: WakeUpQueue) -> Starter:
    return Starter(sessions, queue)


def claim_item(
    sessions: Sessions, lanes: Sequence[Lane] = tuple(Lane), kinds: Sequence[str] = KINDS
) -> Claim | None:
    with UnitOfWork(sessions) as unit:
        return claims.claim(unit.session, kinds, lanes, LEASE)


def claim_all(sessions: Sessions, lanes: Sequence[Lane] = tuple(Lane)) -> list[str]:
    """Claim every due item, and return the subjects of their jobs in order."""
    subjects = []
    while (claim := claim_item(sessions, lanes)) is not None:
        with UnitOfWork(sessions) as unit:
            subjects.append(
                unit.session.execute(
                    text("select subject from jobs where id = :id"), {"id": claim.job_id}
                ).scalar_one()
            )
    return subjects


def test_the_first_lane_is_claimed_until_it_is_empty(start: Starter, sessions: Sessions) -> None:
    start("country", Lane.BULK, 2)
    start("school", Lane.INTERACTIVE, 1)
    assert claim_all(sessions, [Lane.INTERACTIVE, Lane.BULK]) == ["school", "country", "country"]


def test_jobs_of_one_lane_alternate(start: Starter, sessions: Sessions) -> None:
    start("first", Lane.BULK, 4)
    start("second", Lane.BULK, 3)
    assert claim_all(sessions) == [
        "first", "second", "first", "second", "first", "second", "first",
    ]  # fmt: skip


def test_a_worker_claims_only_kinds_that_it_knows(start: Starter, sessions: Sessions) -> None:
    start("country", Lane.BULK, 1, kind=APPLY_DELIVERY)
    assert claim_item(sessions, kinds=[BUILD_DOCUMENTS]) is None
    assert claim_item(sessions, kinds=[APPLY_DELIVERY]) is not None


def test_concurrent_workers_claim_different_items(start: Starter, sessions: Sessions) -> None:
    start("country", Lane.BULK, 40)
    with ThreadPoolExecutor(8) as pool:
        claimed = [f.result() for f in [pool.submit(claim_item, sessions) for _ in range(40)]]
    assert Counter(claim.subject for claim in claimed if claim) == {
        f"{number:06}": 1 for number in range(40)
    }


def test_a_claim_does_not_wait_for_another_claim(start: Starter, sessions: Sessions) -> None:
    start("country", Lane.BULK, 3)
    assert claim_item(sessions) is not None
    with UnitOfWork(sessions) as unit:
        first = claims.claim(unit.session, KINDS, list(Lane), LEASE)
        with UnitOfWork(sessions) as other_unit:
            other_unit.session.execute(text("set local lock_timeout = '5s'"))
            second = claims.claim(other_unit.session, KINDS, list(Lane), LEASE)
    assert first is not None
    assert second is not None
    assert first.item_id != second.item_id


def test_a_lost_lease_is_an_error() -> None:
    claim = Claim(uuid4(), uuid4(), BUILD_DOCUMENTS, Lane.BULK, "000001", {}, 1, 1)
    claim.require_held()
    claim.lost.set()
    with pytest.raises(LeaseLostError):
        claim.require_held()
