"""A recall for as many schools as Flanders has: it waits for none of them."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from sqlalchemy import delete, func, select

from shared.access.products import Product
from shared.audit.models import AuditEvent, AuditHead
from shared.audit.repository import append_pending_events
from shared.audit.service import verify
from shared.core.database import Sessions
from shared.core.unit_of_work import UnitOfWork
from shared.releases.models import Recall
from tests.api.conftest import Callers
from tests.api.operators import Operator, operators
from tests.api.seeding import ADMINISTRATION, SCHOOL, Seeded
from tests.audit_log import append_pending
from tests.many_schools import SCHOOLS_OF_FLANDERS, add_participants
from tests.releasing import close_everything, open_scope

RECALL = {"administrationId": ADMINISTRATION, "reason": "wrong norm"}
RESULTS = f"/v1/schools/{SCHOOL}/results"
FEW = 100


@pytest.fixture(scope="module")
def persons(sessions: Sessions, callers: Callers, seeded: Seeded) -> list[Operator]:
    """Add all schools of Flanders, and a person who recalls."""
    assert seeded.documents
    with UnitOfWork(sessions) as unit:
        add_participants(unit.session, ADMINISTRATION)
    return list(operators(sessions, callers, "planner"))


@pytest.fixture(autouse=True)
def released(sessions: Sessions, persons: list[Operator]) -> Iterator[None]:
    assert persons
    with UnitOfWork(sessions) as unit:
        append_pending(unit)
        open_scope(unit.session, ADMINISTRATION, Product.STUDENT_FEEDBACK)
    yield
    with UnitOfWork(sessions) as unit:
        close_everything(unit.session)


def recall(persons: list[Operator]) -> list[str]:
    response = persons[0].api.post("/v1/recalls", json=RECALL)
    assert response.status_code == 201, response.text
    return [f"/v1/recalls/{item['id']}" for item in response.json()["items"]]


def test_a_recall_waits_for_no_school_and_its_next_read_is_refused(
    persons: list[Operator], school: httpx.Client, sessions: Sessions
) -> None:
    recall(persons)
    with UnitOfWork(sessions) as unit:
        append_pending(unit)
        unit.session.execute(delete(Recall))
    assert school.get(RESULTS).json()["items"]
    with UnitOfWork(sessions) as unit, ThreadPoolExecutor(1) as pool:
        chains = select(AuditHead.chain).where(AuditHead.chain != "").with_for_update()
        assert len(unit.session.scalars(chains).all()) == SCHOOLS_OF_FLANDERS
        made = pool.submit(recall, persons).result(timeout=10)
    assert len(made) == len(Product)
    assert school.get(RESULTS).json()["items"] == []


def test_a_school_reads_a_recall_for_all_in_its_audit_log_at_once(
    persons: list[Operator], school: httpx.Client, other: httpx.Client
) -> None:
    made = sorted(recall(persons))
    for reader in (school, other, school):
        listed = reader.get("/v1/auditEvents").json()["items"]
        found = [item for item in listed if item["action"] == "createRecall"]
        assert sorted(item["resource"] for item in found[: len(made)]) == made


def test_a_recall_comes_into_the_chain_of_every_school_once_a_few_at_a_time(
    persons: list[Operator], sessions: Sessions, school: httpx.Client
) -> None:
    made = recall(persons)
    assert school.get("/v1/auditEvents").status_code == 200
    with UnitOfWork(sessions) as unit:
        assert append_pending_events(unit.session, None) == FEW
    with UnitOfWork(sessions) as unit:
        append_pending(unit)
        events = select(AuditEvent.organisation, func.count()).group_by(AuditEvent.organisation)
        rows = unit.session.execute(events.where(AuditEvent.resource.in_(made)))
        counts = {row[0]: row[1] for row in rows}
        assert len(counts) == SCHOOLS_OF_FLANDERS + 1  # and the chain without a school
        assert set(counts.values()) == {len(made)}
        assert list(verify(unit.session, {})) == []
