"""Refusals are stored with their request, and appended to their chain later."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from uuid import UUID, uuid4

import pytest
from sqlalchemy import func, select

from services.worker.process import periodic_tasks
from shared.access.decisions import About, Rule, act_for, deny
from shared.audit.models import AuditEvent, PendingRefusal
from shared.audit.repository import AuditFilter
from shared.audit.service import append_refusals, list_events, verify
from shared.core.database import Sessions, open_engine, session_factory
from shared.core.errors import ResourceNotFound
from shared.core.paging import PageSelection
from shared.core.settings import Settings
from shared.core.unit_of_work import UnitOfWork
from tests.api.seeding import OTHER, SCHOOL, Seeded, seed_schools
from tests.callers import school_request


@pytest.fixture(scope="module")
def seeded(sessions: Sessions) -> Seeded:
    with UnitOfWork(sessions) as unit:
        return seed_schools(unit.session)


@pytest.fixture(autouse=True)
def _none_pending(sessions: Sessions) -> None:
    with UnitOfWork(sessions) as unit:
        append_refusals(unit.session)


def refuse(sessions: Sessions, student: UUID, resource: str = "/v1/x") -> None:
    access, unit = school_request(SCHOOL, resource=resource), UnitOfWork(sessions)
    act_for(unit, access.caller)
    with pytest.raises(ResourceNotFound), unit:
        deny(unit, access, None, Rule.REACH, About((student,)))


def pending(sessions: Sessions) -> int:
    with UnitOfWork(sessions) as unit:
        return unit.session.scalars(select(func.count()).select_from(PendingRefusal)).one()


def events_of(sessions: Sessions, school: str) -> list[AuditEvent]:
    with UnitOfWork(sessions) as unit:
        events = list(list_events(unit.session, AuditFilter(school), PageSelection(100)).rows)
        unit.session.expunge_all()
        return events


def faults(sessions: Sessions) -> list[tuple[str, str]]:
    with UnitOfWork(sessions) as unit:
        return list(verify(unit.session, {}))


def test_a_school_reads_its_refusals_at_once(sessions: Sessions, seeded: Seeded) -> None:
    refuse(sessions, seeded.students["other"], "/v1/one")
    refuse(sessions, uuid4(), "/v1/two")
    newest = events_of(sessions, OTHER)[0]
    assert (newest.resource, newest.students) == ("/v1/one", [seeded.students["other"]])
    assert newest.client == school_request(SCHOOL).caller.client
    assert newest.caller_organisation == SCHOOL
    assert pending(sessions) == 1
    assert "/v1/two" not in {event.resource for event in events_of(sessions, SCHOOL)}


def test_a_worker_appends_all_refusals(
    sessions: Sessions,
    seeded: Seeded,
    settings: Settings,
    settings_of: Callable[[str], Settings],
) -> None:
    for student in (seeded.students["other"], seeded.students["first"], uuid4()):
        refuse(sessions, student)
    task = next(task for task in periodic_tasks(settings) if task.name == "refusals")
    engine = open_engine(settings_of("worker"), application_name="tests")
    with UnitOfWork(session_factory(engine)) as unit:
        assert task.run(unit) == 3
    engine.dispose()
    assert pending(sessions) == 0
    assert faults(sessions) == []


def test_an_event_has_the_time_of_its_refusal(sessions: Sessions, seeded: Seeded) -> None:
    refuse(sessions, seeded.students["other"])
    with UnitOfWork(sessions) as unit:
        refused_at = unit.session.scalars(select(PendingRefusal.occurred_at)).one()
    assert events_of(sessions, OTHER)[0].occurred_at == refused_at


def test_concurrent_appending_loses_and_repeats_nothing(sessions: Sessions, seeded: Seeded) -> None:
    students = [seeded.students["other"], seeded.students["first"], uuid4()]
    resources = [f"/v1/{number}" for number in range(40)]

    def append_all() -> None:
        with UnitOfWork(sessions) as unit:
            append_refusals(unit.session)

    work: list[Callable[[], object]] = []
    for number, resource in enumerate(resources):
        work.append(partial(refuse, sessions, students[number % 3], resource))
        work.append(append_all if number % 2 else partial(events_of, sessions, OTHER))
    with ThreadPoolExecutor(8) as pool:
        for done in [pool.submit(one) for one in work]:
            done.result()
    append_all()
    with UnitOfWork(sessions) as unit:
        query = select(AuditEvent.resource).where(AuditEvent.resource.in_(resources))
        assert sorted(unit.session.scalars(query)) == sorted(resources)
    assert faults(sessions) == []
