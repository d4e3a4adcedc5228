from collections import Counter
from datetime import timedelta
from uuid import uuid4

from sqlalchemy import text

from shared.core.unit_of_work import UnitOfWork
from shared.jobs import claims, service
from shared.jobs.monitoring import (
    LIVE_PERIOD,
    LaneState,
    lane_states,
    live_workers,
    record_worker,
    remove_worker,
)
from shared.jobs.queue import WakeUpQueue
from shared.jobs.rules import BUILD_DOCUMENTS, Lane

KINDS = [BUILD_DOCUMENTS]


def start(unit: UnitOfWork, queue: WakeUpQueue, lane: Lane, *items: str) -> None:
    service.start(unit, queue, service.NewJob(BUILD_DOCUMENTS, lane, str(uuid4()), items, "tests"))


def test_queued_items_are_counted_by_lane(unit: UnitOfWork, queue: WakeUpQueue) -> None:
    assert lane_states(unit.session) == dict.fromkeys(Lane, LaneState())
    start(unit, queue, Lane.BULK, "000001", "000002", "000003")
    start(unit, queue, Lane.INTERACTIVE, "000004")
    assert [lane_states(unit.session)[lane].items for lane in Lane] == [1, 3]
    claims.claim(unit.session, KINDS, [Lane.BULK, Lane.INTERACTIVE], timedelta(minutes=1))
    assert [lane_states(unit.session)[lane].items for lane in Lane] == [1, 2]


def test_age_is_that_of_the_oldest_item_that_is_due(unit: UnitOfWork, queue: WakeUpQueue) -> None:
    start(unit, queue, Lane.BULK, "000001", "000002", "000003")
    for item, minutes in (("000001", 2), ("000002", 1), ("000003", -10)):
        unit.session.execute(
            text("update job_items set due_at = now() - :age where subject = :item"),
            {"age": timedelta(minutes=minutes), "item": item},
        )
    assert lane_states(unit.session)[Lane.BULK] == LaneState(3, 120.0)
    unit.session.execute(text("update job_items set due_at = now() + interval '1 hour'"))
    assert lane_states(unit.session)[Lane.BULK] == LaneState(3, 0.0)


def test_live_workers_are_those_seen_lately(unit: UnitOfWork) -> None:
    session, first, second = unit.session, uuid4(), uuid4()
    assert live_workers(session) == Counter()
    record_worker(session, first, "1.0")
    record_worker(session, second, "1.1")
    record_worker(session, second, "1.1")
    assert live_workers(session) == {"1.0": 1, "1.1": 1}
    session.execute(
        text("update workers set seen_at = now() - :age where id = :id"),
        {"age": LIVE_PERIOD, "id": first},
    )
    assert live_workers(session) == {"1.1": 1}
    record_worker(session, second, "1.1")
    assert session.scalar(text("select count(*) from workers")) == 1
    remove_worker(session, second)
    assert live_workers(session) == Counter()
