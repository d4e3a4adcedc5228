"""Refusals, and events of many schools, are stored first and appended to their chains later."""

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from uuid import UUID, uuid4

import pytest
from sqlalchemy import func, select, text

from services.worker.process import periodic_tasks
from shared.access.decisions import (
    About,
    Rule,
    act_for,
    deny,
    record_change_for_participants,
)
from shared.audit.models import AuditEvent, PendingEvent
from shared.audit.repository import AuditFilter
from shared.audit.service import list_events, verify
from shared.core.database import Sessions, open_engine, session_factory
from shared.core.errors import ResourceNotFound
from shared.core.paging import PageSelection
from shared.core.settings import Settings
from shared.core.unit_of_work import UnitOfWork
from tests.api.seeding import ADMINISTRATION, OTHER, SCHOOL, Seeded, seed_schools
from tests.audit_log import append_pending
from tests.callers import OPERATOR, school_request
from tests.many_schools import add_participants

MANY = 300
WAITING = text(
    "select count(*) from pg_stat_activity"
    " where datname = current_database() and wait_event_type = 'Lock'"
)


@pytest.fixture(scope="module")
def seeded(sessions: Sessions) -> Seeded:
    with UnitOfWork(sessions) as unit:
        return seed_schools(unit.session)


@pytest.fixture(autouse=True)
def _none_pending(sessions: Sessions) -> None:
    with UnitOfWork(sessions) as unit:
        append_pending(unit)


def refuse(sessions: Sessions, *students: UUID, resource: str = "/v1/x") -> None:
    access, unit = school_request(SCHOOL, resource=resource), UnitOfWork(sessions)
    act_for(unit, access.caller)
    with pytest.raises(ResourceNotFound), unit:
        deny(unit, access, None, Rule.REACH, About(students))


def pending(sessions: Sessions) -> int:
    with UnitOfWork(sessions) as unit:
        return unit.session.scalars(select(func.count()).select_from(PendingEvent)).one()


def events_of(sessions: Sessions, school: str) -> list[AuditEvent]:
    with UnitOfWork(sessions) as unit:
        events = list(list_events(unit.session, AuditFilter(school), PageSelection(100)).rows)
        unit.session.expunge_all()
        return events


def append_all(sessions: Sessions) -> None:
    with UnitOfWork(sessions) as unit:
        append_pending(unit)


def waits_for_a_row(sessions: Sessions) -> bool:
    with UnitOfWork(sessions) as unit:
        return bool(unit.session.execute(WAITING).scalar_one())


def faults(sessions: Sessions) -> list[tuple[str, str]]:
    with UnitOfWork(sessions) as unit:
        return list(verify(unit.session, {}))


def test_a_school_reads_its_refusals_at_once(sessions: Sessions, seeded: Seeded) -> None:
    refuse(sessions, seeded.students["other"], resource="/v1/one")
    refuse(sessions, uuid4(), resource="/v1/two")
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
    task = next(task for task in periodic_tasks(settings) if task.name == "pending-audit-events")
    engine = open_engine(settings_of("worker"), application_name="tests")
    with UnitOfWork(session_factory(engine)) as unit:
        assert task.run(unit) == 3
    engine.dispose()
    assert pending(sessions) == 0
    assert faults(sessions) == []


def test_a_refusal_about_students_of_several_schools_is_in_the_log_of_each(
    sessions: Sessions, seeded: Seeded
) -> None:
    own, other = seeded.students["first"], seeded.students["other"]
    for reader in (SCHOOL, OTHER):
        refuse(sessions, uuid4(), own, other, resource=f"/v1/{reader}")
        events_of(sessions, reader)
        assert pending(sessions) == 0
        for school, student in ((SCHOOL, own), (OTHER, other)):
            newest = events_of(sessions, school)[0]
            assert (newest.resource, newest.students) == (f"/v1/{reader}", [student])
    assert faults(sessions) == []


def test_an_event_has_the_time_of_its_refusal(sessions: Sessions, seeded: Seeded) -> None:
    refuse(sessions, seeded.students["other"])
    with UnitOfWork(sessions) as unit:
        refused_at = unit.session.scalars(select(PendingEvent.occurred_at)).one()
    assert events_of(sessions, OTHER)[0].occurred_at == refused_at


def test_concurrent_appending_loses_and_repeats_nothing(sessions: Sessions, seeded: Seeded) -> None:
    students = [seeded.students["other"], seeded.students["first"], uuid4()]
    resources = [f"/v1/{number}" for number in range(40)]

    work: list[Callable[[], object]] = []
    for number, resource in enumerate(resources):
        work.append(partial(refuse, sessions, students[number % 3], resource=resource))
        work.append(
            partial(append_all, sessions) if number % 2 else partial(events_of, sessions, OTHER)
        )
    with ThreadPoolExecutor(8) as pool:
        for done in [pool.submit(one) for one in work]:
            done.result()
    append_all(sessions)
    with UnitOfWork(sessions) as unit:
        query = select(AuditEvent.resource).where(AuditEvent.resource.in_(resources))
        assert sorted(unit.session.scalars(query)) == sorted(resources)
    assert faults(sessions) == []


def announce(sessions: Sessions, number: int) -> None:
    with UnitOfWork(sessions) as unit:
        act_for(unit, OPERATOR.caller)
        record_change_for_participants(unit, OPERATOR, "announce", f"/v1/{number}", ADMINISTRATION)


def announced_to(sessions: Sessions) -> Counter[tuple[str | None, str]]:
    """Append all events and count those that were announced, by school and resource."""
    append_all(sessions)
    with UnitOfWork(sessions) as unit:
        announced = AuditEvent.action == "announce", AuditEvent.organisation.is_not(None)
        rows = unit.session.execute(
            select(AuditEvent.organisation, AuditEvent.resource).where(*announced)
        )
        return Counter((school, resource) for school, resource in rows)


def test_an_event_of_many_schools_comes_once_into_each_chain(
    sessions: Sessions, seeded: Seeded
) -> None:
    assert seeded.students
    with UnitOfWork(sessions) as unit:
        add_participants(unit.session, ADMINISTRATION, MANY)
    with ThreadPoolExecutor(8) as pool:
        work: list[Callable[[], object]] = []
        work += [partial(announce, sessions, number) for number in range(4)]
        work += [partial(append_all, sessions)] * 4
        work += [partial(events_of, sessions, school) for school in (SCHOOL, OTHER) * 4]
        for done in [pool.submit(one) for one in work]:
            done.result()
    found = announced_to(sessions)
    assert set(found.values()) == {1}
    assert len(found) == 4 * MANY
    assert faults(sessions) == []


def test_an_event_that_is_stored_while_others_are_divided_is_divided_too(
    sessions: Sessions, seeded: Seeded
) -> None:
    assert seeded.students
    announce(sessions, 10)
    with ThreadPoolExecutor(1) as pool:
        with UnitOfWork(sessions) as unit:
            unit.session.execute(select(PendingEvent.id).with_for_update())
            appending = pool.submit(append_all, sessions)
            while not waits_for_a_row(sessions):
                assert not appending.done()
            announce(sessions, 11)
        appending.result()
    found = announced_to(sessions)
    assert found[SCHOOL, "/v1/10"] == found[SCHOOL, "/v1/11"] == 1
