"""A refusal costs the same for an id of another school and for one that does not exist."""

from collections.abc import Callable, Iterator
from datetime import date
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Engine, event, insert, text

from shared.access.decisions import act_for
from shared.access.products import Product
from shared.access.requests import AccessRequest
from shared.core.database import Sessions, open_engine, session_factory
from shared.core.errors import ResourceNotFound
from shared.core.settings import Settings
from shared.core.unit_of_work import UnitOfWork
from shared.documents.service import read_document
from shared.hand_overs.models import HandOver
from shared.hand_overs.rules import Means
from shared.hand_overs.service import NewHandOvers, record_hand_overs, withdraw_hand_overs
from shared.mandates.models import Mandate
from shared.storage.store import Storage
from shared.students.service import read_student
from tests.access.row_counts import PLANNED_AFTER, difference, rows_read
from tests.api.seeding import ADMINISTRATION, LONG_AGO, OTHER, SCHOOL, Seeded, release, seed_schools
from tests.callers import integrator_request, school_request

Read = Callable[[UnitOfWork, AccessRequest, UUID], object]
READS: dict[str, Read] = {"students": read_student, "documents": read_document}
OF_OTHER = {"students": "other", "documents": "of other"}
CALLERS = {
    "school": school_request(SCHOOL),
    "integrator": integrator_request("mandated", {SCHOOL: "p"}),
}


def hand_over(unit: UnitOfWork, access: AccessRequest, student_id: UUID) -> object:
    wanted = NewHandOvers(ADMINISTRATION, Means.PRINTED, student_ids=[student_id])
    return record_hand_overs(unit, access, wanted)


def withdraw(unit: UnitOfWork, access: AccessRequest, hand_over_id: UUID) -> None:
    withdraw_hand_overs(unit, access, [hand_over_id])


HAND_OVERS: dict[str, Read] = {"students": hand_over, "hand_overs": withdraw}
COMPONENTS, SCHOOLS = 320, 500


@pytest.fixture(scope="module")
def seeded(sessions: Sessions, storage: Storage) -> Seeded:
    """Add two schools with documents, many components and many other schools."""
    with UnitOfWork(sessions) as unit:
        seeded = seed_schools(unit.session, storage)
        release(unit)
        for statement in (
            (
                "insert into components (administration_id, code, target_group_id, subject, name,"
                " position, is_calibration, level_scale) select administration_id, code || n,"
                " target_group_id, subject, name, n, false, level_scale"
                " from components, generate_series(1, :components / 4) n"
            ),
            (
                "insert into schools (id, name, municipality, main_structure)"
                " select (200000 + n)::text, 'x', 'x', '211' from generate_series(1, :schools) n"
            ),
            (
                "insert into participations (administration_id, school_id, name, municipality)"
                " select '2024', id, name, municipality from schools where name = 'x'"
            ),
        ):
            counts = {"components": COMPONENTS, "schools": SCHOOLS}
            unit.session.execute(text(statement), counts)
        shared = {"products": [Product.STUDENT_FEEDBACK], "purpose": "p", "decided_by": "portal"}
        days = {"from_on": date(2024, 1, 1), "until_on": date(2999, 1, 1)}
        mandate = {"school_id": SCHOOL, "client": "mandated", **shared, **days}
        unit.session.execute(insert(Mandate).values(mandate))
        unit.session.execute(text("analyze"))
    return seeded


@pytest.fixture(scope="module")
def api_engine(api_settings: Settings) -> Iterator[Engine]:
    engine = open_engine(api_settings, application_name="tests")
    yield engine
    engine.dispose()


def cost_of(
    engine: Engine, access: AccessRequest, read: Read, sought: UUID
) -> tuple[list[str], dict[str, list[int]]]:
    """Return the statements of a refused read, and the scans and rows that they cost per table.

    The audit event, which is written with the commit, is part of both.
    """
    statements: list[str] = []
    after: dict[str, tuple[int, ...]] = {}

    def record(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        statements.append(statement)

    unit = UnitOfWork(session_factory(engine))
    act_for(unit, access.caller)
    before = rows_read(unit.session)
    event.listen(unit.session, "before_commit", lambda own: after.update(rows_read(own)))
    event.listen(unit.session.connection(), "before_cursor_execute", record)
    with pytest.raises(ResourceNotFound), unit:
        read(unit, access, sought)
    return statements, difference(after, before)


@pytest.mark.parametrize("caller", CALLERS)
@pytest.mark.parametrize("noun", READS)
def test_refusals_run_the_same_statements_over_the_same_rows(
    api_engine: Engine, seeded: Seeded, noun: str, caller: str
) -> None:
    ids = {"students": seeded.students, "documents": seeded.documents}[noun]
    first, last = UUID(int=0), UUID(int=2**128 - 1)
    nonexistent = [first, last, *(uuid4() for _ in range(20))]
    access, read = CALLERS[caller], READS[noun]

    for _ in range(PLANNED_AFTER):
        cost_of(api_engine, access, read, uuid4())
    other = cost_of(api_engine, access, read, ids[OF_OTHER[noun]])

    assert any(other[1][noun])
    costs = [cost_of(api_engine, access, read, sought) for sought in nonexistent]
    assert costs == [other] * len(costs)


@pytest.mark.parametrize("table", HAND_OVERS)
def test_refused_hand_overs_run_the_same_statements_over_the_same_rows(
    api_engine: Engine, sessions: Sessions, seeded: Seeded, table: str
) -> None:
    student = seeded.students["other"]
    values = {"school_id": OTHER, "student_id": student, "number": 1, "content_sha256": b"2"}
    values |= {"means": "printed", "handed_over_on": LONG_AGO.date()}
    sought = student
    if table == "hand_overs":
        with UnitOfWork(sessions) as unit:
            added = insert(HandOver).values(values).returning(HandOver.id)
            sought = unit.session.execute(added).scalar_one()
    access, act = CALLERS["school"], HAND_OVERS[table]

    for _ in range(PLANNED_AFTER):
        cost_of(api_engine, access, act, uuid4())
    other = cost_of(api_engine, access, act, sought)

    assert any(other[1][table])
    costs = [cost_of(api_engine, access, act, uuid4()) for _ in range(20)]
    assert costs == [other] * len(costs)


def test_reach_and_gate_are_computed_for_a_document_that_does_not_exist(
    api_engine: Engine, seeded: Seeded
) -> None:
    assert seeded.documents
    _, rows = cost_of(api_engine, CALLERS["integrator"], read_document, uuid4())
    assert rows["components"][1] >= COMPONENTS
    assert any(rows["mandates"])


@pytest.mark.parametrize("chain", ["", SCHOOL, OTHER])
@pytest.mark.parametrize("noun", READS)
def test_a_refusal_waits_for_no_chain(
    api_engine: Engine, sessions: Sessions, seeded: Seeded, noun: str, chain: str
) -> None:
    """Otherwise the time of parallel requests would tell to which chain an id belongs."""
    ids = {"students": seeded.students, "documents": seeded.documents}[noun]
    lock = text("select from audit_heads where chain = :chain for update")
    head = text("insert into audit_heads values (:chain, 0, '') on conflict do nothing")
    with UnitOfWork(sessions) as unit:
        unit.session.execute(head, {"chain": chain})
    with UnitOfWork(sessions) as holder:
        holder.session.execute(lock, {"chain": chain})
        for sought in (uuid4(), ids[OF_OTHER[noun]]):
            with UnitOfWork(session_factory(api_engine)) as unit:
                act_for(unit, CALLERS["school"].caller)
                unit.session.execute(text("set local lock_timeout = '1s'"))
                with pytest.raises(ResourceNotFound):
                    READS[noun](unit, CALLERS["school"], sought)
