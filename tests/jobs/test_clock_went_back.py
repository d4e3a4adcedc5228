"""Moments that were set before the clock of the database went back by an hour."""

from collections.abc import Iterator
from datetime import timedelta
from time import monotonic, sleep
from uuid import uuid4

import pytest
from sqlalchemy import text

from shared.core.database import Sessions
from shared.core.unit_of_work import UnitOfWork
from shared.jobs import claims, service
from shared.jobs.claims import Claim
from shared.jobs.monitoring import live_workers, record_worker
from shared.jobs.queue import WakeUpQueue
from shared.jobs.rules import BUILD_DOCUMENTS, KINDS, MAX_RETRY_SECONDS, Lane, State

LEASE = timedelta(seconds=0.5)
AN_HOUR = "interval '1 hour'"


@pytest.fixture
def started(sessions: Sessions, queue: WakeUpQueue, no_jobs: None) -> None:  # noqa: ARG001  # after it
    with UnitOfWork(sessions) as unit:
        new = service.NewJob(BUILD_DOCUMENTS, Lane.BULK, str(uuid4()), ["000001"], "tests")
        service.start(unit, queue, new)


def execute(sessions: Sessions, statement: str) -> None:
    with UnitOfWork(sessions) as unit:
        unit.session.execute(text(statement))


def claim(sessions: Sessions) -> Claim | None:
    with UnitOfWork(sessions) as unit:
        return claims.claim(unit.session, KINDS, tuple(Lane), LEASE)


def sweep(sessions: Sessions) -> None:
    with UnitOfWork(sessions) as unit:
        claims.limit_far_moments(unit.session, LEASE)
        service.sweep(unit.session, max_attempts=5)


@pytest.mark.usefixtures("started")
def test_an_item_that_is_due_in_an_hour_is_due_now(sessions: Sessions) -> None:
    execute(sessions, f"update job_items set due_at = now() + {AN_HOUR}")
    assert claim(sessions) is None
    sweep(sessions)
    assert claim(sessions) is not None


@pytest.mark.usefixtures("started")
def test_an_item_that_is_due_after_the_longest_delay_keeps_its_moment(sessions: Sessions) -> None:
    execute(sessions, f"update job_items set due_at = now() + interval '{MAX_RETRY_SECONDS} s'")
    sweep(sessions)
    assert claim(sessions) is None


@pytest.mark.usefixtures("started")
def test_a_lease_of_an_hour_ends_after_a_lease(sessions: Sessions) -> None:
    assert claim(sessions) is not None
    execute(sessions, f"update job_items set lease_until_at = lease_until_at + {AN_HOUR}")
    deadline = monotonic() + 20
    sweep(sessions)
    assert claim(sessions) is None
    while claim(sessions) is None:
        assert monotonic() < deadline
        sleep(0.1)
        sweep(sessions)


@pytest.mark.usefixtures("started")
def test_a_worker_that_lives_keeps_its_lease(sessions: Sessions) -> None:
    held = claim(sessions)
    assert held is not None
    execute(sessions, f"update job_items set lease_until_at = lease_until_at + {AN_HOUR}")
    sweep(sessions)
    with UnitOfWork(sessions) as unit:
        assert claims.extend_lease(unit.session, held, timedelta(seconds=30))
        claims.settle(unit.session, held, State.DONE, {})


@pytest.fixture
def worker_that_was_seen_in_an_hour(sessions: Sessions) -> Iterator[None]:
    with UnitOfWork(sessions) as unit:
        record_worker(unit.session, uuid4(), "1")
    execute(sessions, f"update workers set seen_at = seen_at + {AN_HOUR}")
    yield
    execute(sessions, "delete from workers")


@pytest.mark.usefixtures("worker_that_was_seen_in_an_hour")
def test_a_worker_that_was_seen_in_an_hour_does_not_count(sessions: Sessions) -> None:
    with UnitOfWork(sessions) as unit:
        assert live_workers(unit.session) == {}
        record_worker(unit.session, uuid4(), "2")
        assert unit.session.execute(text("select count(*) from workers")).scalar_one() == 1
