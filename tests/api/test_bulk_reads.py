"""The alarm for callers that read about unusually many students within an hour."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
import structlog
from fastapi import FastAPI
from prometheus_client import generate_latest
from sqlalchemy import insert
from structlog.testing import capture_logs

from services.api.http.rate_limiter import RateLimiter
from shared.access.products import Product
from shared.access.rules import GRANTABLE, Caller, CallerKind
from shared.core.database import Sessions
from shared.core.settings import Settings
from shared.core.unit_of_work import UnitOfWork
from shared.mandates.models import Mandate
from tests.api.conftest import AuditLog, Callers
from tests.api.seeding import SCHOOL, Seeded
from tests.api.test_rate_limits import NOWHERE, limited

LARGE_SCHOOL, PAGE = 1_200, 200
BULK_READS = ("bulkReads", None, "allowed", "alarm")

pytestmark = pytest.mark.usefixtures("open_now")


@pytest.fixture
def vendor(callers: Callers, sessions: Sessions) -> httpx.Auth:
    """Return the authentication of an integrator that nothing was counted for yet."""
    kind, client = CallerKind.INTEGRATOR, f"vendor {uuid4()}"
    days = {"from_on": date(2024, 1, 1), "until_on": date(2999, 1, 1)}
    shared = {"products": [Product.STUDENT_FEEDBACK], "purpose": "p", "decided_by": "portal"}
    with UnitOfWork(sessions) as unit:
        mandate = {"school_id": SCHOOL, "client": client, **shared, **days}
        unit.session.execute(insert(Mandate).values(mandate))
    return callers.auth(callers.issue(Caller(client, kind, GRANTABLE[kind])))


@contextmanager
def alarm_above(
    students: int, api_settings: Settings, auth: httpx.Auth
) -> Iterator[tuple[httpx.Client, FastAPI]]:
    changes: dict[str, Any] = {"api_bulk_alarm_students_per_hour": students}
    with limited(api_settings, auth, **changes, database_pool_size=1) as running:
        yield running


def alarms(audit_log: AuditLog) -> list[tuple[str, str | None, str, str]]:
    return [decision for decision in audit_log.decisions() if decision[0] == "bulkReads"]


def test_different_students_raise_one_alarm(
    api_settings: Settings, vendor: httpx.Auth, seeded: Seeded, audit_log: AuditLog
) -> None:
    with (
        capture_logs(processors=[structlog.contextvars.merge_contextvars]) as lines,
        alarm_above(2, api_settings, vendor) as (client, app),
    ):
        for _ in range(4):
            assert client.get(f"/v1/students/{seeded.students['first']}").status_code == 200
            client.get(f"/v1/students/{seeded.students['second']}/results")
            client.get(f"/v1/students/{uuid4()}")
        assert alarms(audit_log) == []
        for _ in range(3):
            client.get(f"/v1/students/{seeded.students['third']}")
    (alarm,) = [line for line in lines if line["event"] == "bulk_reads"]
    assert alarm["client"].startswith("vendor ")
    assert alarms(audit_log) == [BULK_READS]
    counted = 'toetsfeedback_bulk_reads_total{caller_kind="integrator"} 1.0'
    assert counted in generate_latest(app.state.metrics.registry).decode()


@pytest.mark.parametrize("path", ["students", "results", "documents?kind=fiche"])
def test_a_list_counts_the_students_on_its_page(
    api_settings: Settings, vendor: httpx.Auth, audit_log: AuditLog, path: str
) -> None:
    with alarm_above(1, api_settings, vendor) as (client, _):
        assert len(client.get(f"/v1/schools/{SCHOOL}/{path}").json()["items"]) > 1
    assert alarms(audit_log) == [BULK_READS]


@pytest.mark.parametrize(("label", "expected"), [("fiche", []), ("bundle", [BULK_READS])])
@pytest.mark.parametrize("operation", ["content", "grants"])
def test_a_document_counts_the_students_in_it(
    api_settings: Settings,
    vendor: httpx.Auth,
    seeded: Seeded,
    audit_log: AuditLog,
    operation: str,
    label: str,
    expected: list[object],
) -> None:
    path = f"/v1/documents/{seeded.documents[label]}/{operation}"
    with alarm_above(1, api_settings, vendor) as (client, _):
        for _ in range(3):
            assert client.request("GET" if operation == "content" else "POST", path).is_success
    assert alarms(audit_log) == expected


def test_refused_reads_count_no_students(
    api_settings: Settings, vendor: httpx.Auth, seeded: Seeded, audit_log: AuditLog
) -> None:
    with alarm_above(1, api_settings, vendor) as (client, _):
        for student in (seeded.students["other"], uuid4(), uuid4()):
            assert client.get(f"/v1/students/{student}").status_code == 404
        document = seeded.documents["of other"]
        assert client.get(f"/v1/documents/{document}/content").status_code == 404
    assert alarms(audit_log) == []


def some_school() -> Caller:
    return Caller("portal", CallerKind.SCHOOL, frozenset(), str(uuid4()))


def pages(students: list[UUID]) -> list[list[UUID]]:
    return [students[first : first + PAGE] for first in range(0, len(students), PAGE)]


@pytest.mark.parametrize("changes", [{}, {"redis_url": NOWHERE}])
def test_a_large_school_reads_all_its_students_again_and_again_without_alarm(
    api_settings: Settings, changes: dict[str, Any]
) -> None:
    limiter, caller = RateLimiter(api_settings.model_copy(update=changes)), some_school()
    students = [uuid4() for _ in range(LARGE_SCHOOL)]
    for _ in range(5):
        for part in (students, *pages(students), *([one] for one in students[:PAGE])):
            assert not limiter.reads_too_many(caller, part)


@pytest.mark.parametrize("changes", [{}, {"redis_url": NOWHERE}])
def test_pages_of_many_students_raise_one_alarm(
    api_settings: Settings, changes: dict[str, Any]
) -> None:
    limiter, caller = RateLimiter(api_settings.model_copy(update=changes)), some_school()
    raised = [
        limiter.reads_too_many(caller, page) for page in pages([uuid4() for _ in range(9_000)])
    ]
    usual = api_settings.api_bulk_alarm_students_per_hour
    assert raised.count(True) == 1
    assert 0.9 * usual < raised.index(True) * PAGE < 1.1 * usual


def test_processes_count_students_together(api_settings: Settings) -> None:
    limits = {"api_bulk_alarm_students_per_hour": 30}
    settings, caller = api_settings.model_copy(update=limits), some_school()
    one, two = RateLimiter(settings), RateLimiter(settings)
    assert not one.reads_too_many(caller, [uuid4() for _ in range(20)])
    assert two.reads_too_many(caller, [uuid4() for _ in range(20)])
    assert not one.reads_too_many(caller, [uuid4() for _ in range(20)])
