"""The second look at an approved opening: a worker with its own login, and a real store."""

from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from sqlalchemy import select, text
from structlog.testing import capture_logs

from shared.audit.models import AuditEvent
from shared.core.clock import database_now
from shared.core.unit_of_work import UnitOfWork
from shared.jobs.claims import Claim
from shared.jobs.models import Job
from shared.jobs.queue import WakeUpQueue
from shared.jobs.rules import CHECK_OPENING, Lane
from shared.release_plans.checks import CHECKED_BEFORE, start_checks
from shared.releases.models import Opening
from tests.releasing import add_approval, add_persons
from tests.worker.jobs.verified_deployment import FIRST, Deployment, document

pytestmark = pytest.mark.usefixtures("nothing_planned")


def approve_as_owner(built: Deployment, opening: UUID, opens_in: timedelta) -> None:
    """Let two persons approve the latest manifest of an opening that opens this soon."""
    manifest = built.manifest()
    with UnitOfWork(built.owner) as unit:
        opens_at = database_now(unit.session) + opens_in
        unit.session.execute(text("set local session_replication_role = replica"))
        unit.session.execute(text("update release_windows set opens_at = :at"), {"at": opens_at})
        unit.session.get_one(Opening, opening).opens_at = opens_at
        for person in add_persons(unit.session, *(f"approver {uuid4()}" for _ in range(2))):
            add_approval(unit.session, manifest, person, opens_at)


def checks(built: Deployment) -> list[str]:
    with UnitOfWork(built.owner) as unit:
        query = select(Job.subject).where(Job.kind == CHECK_OPENING).order_by(Job.created_at)
        return list(unit.session.scalars(query))


def start_due_checks(built: Deployment, queue: WakeUpQueue) -> int:
    with UnitOfWork(built.worker) as unit:
        return start_checks(unit, queue)


def check(built: Deployment, opening: UUID) -> dict[str, int]:
    with UnitOfWork(built.worker) as unit:
        claim = Claim(uuid4(), uuid4(), CHECK_OPENING, Lane.INTERACTIVE, str(opening), {}, 1, 1)
        return dict(built.verifier.check(unit, claim).outcome)


def test_an_approved_opening_is_checked_once_shortly_before_its_moment(
    built: Deployment, queue: WakeUpQueue
) -> None:
    opening = built.opening()
    built.verify(opening)
    assert start_due_checks(built, queue) == 0
    approve_as_owner(built, opening, CHECKED_BEFORE + timedelta(minutes=1))
    assert start_due_checks(built, queue) == 0
    approve_as_owner(built, opening, CHECKED_BEFORE - timedelta(minutes=1))
    assert [start_due_checks(built, queue) for _ in range(3)] == [1, 0, 0]
    assert checks(built) == [f"{opening}/{built.manifest().id}"]
    outcome = check(built, opening)
    assert outcome["faults"] == 0
    assert outcome["read"] == outcome["documents"] > 0
    assert built.is_current(opening)


@pytest.mark.parametrize("is_flipped", [False, True])
def test_an_object_that_is_lost_after_the_verification_voids_the_approvals(
    built: Deployment, *, is_flipped: bool
) -> None:
    opening = built.opening()
    built.verify(opening)
    approve_as_owner(built, opening, timedelta(minutes=10))
    (key,) = document(built, "overview").storage_keys
    content = built.storage.read(key)
    built.storage.delete([key])
    if is_flipped:
        built.storage.put(key, bytes([content[0] ^ 1]) + content[1:])
    with capture_logs() as lines:
        assert check(built, opening)["faults"] == 1 + (not is_flipped)
    (alarm,) = (line for line in lines if line["event"] == "opening_at_fault")
    assert (alarm["schools"], alarm["is_voided"]) == ([FIRST], True)
    assert not built.is_current(opening)
    with UnitOfWork(built.owner) as unit:
        events = unit.session.scalars(select(AuditEvent).where(AuditEvent.rule == "alarm")).all()
        assert f"/v1/openings/{opening}" in {event.resource for event in events}
    built.storage.delete([key])
    built.storage.put(key, content)
