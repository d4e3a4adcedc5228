"""Row-level security: SQL without a filter, in a connection of the API."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import date
from itertools import combinations

import pytest
from sqlalchemy import delete, insert, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from shared.access.decisions import allow
from shared.access.products import Product
from shared.core.database import Sessions, open_engine, session_factory, set_local_settings
from shared.core.settings import Settings
from shared.core.unit_of_work import UnitOfWork
from shared.documents.hand_out_lists.models import MissingFiche
from shared.jobs.models import JobFailure, JobItem
from shared.mandates.models import Mandate
from shared.releases.models import ReleaseWindow
from shared.results.models import ItemResult
from shared.storage.store import Storage
from tests.api.seeding import ADMINISTRATION, GONE, OTHER, SCHOOL, Seeded, seed_schools
from tests.callers import school_request
from tests.releasing import add_window

ALL = {SCHOOL, OTHER, GONE}
WINDOWS = {
    "before": "now() + interval '1 hour', null",
    "in": "now() - interval '1 hour', null",
    "after": "now() - interval '2 hours', now() - interval '1 hour'",
}


@dataclass(frozen=True)
class CallerRows:
    """A caller, and the schools whose students and participations it can read."""

    client: str
    kind: str
    school: str | None = None
    students: frozenset[str] = frozenset()
    participations: frozenset[str] = frozenset()


def schools(*numbers: str) -> frozenset[str]:
    return frozenset(numbers)


CALLERS = {
    "no caller": None,
    "a school": CallerRows("portal", "school", SCHOOL, schools(SCHOOL), schools(SCHOOL)),
    "another school": CallerRows("portal", "school", OTHER, schools(OTHER), schools(OTHER)),
    "an unknown school": CallerRows("portal", "school", "999999"),
    "an integrator": CallerRows("mandated", "integrator", None, schools(SCHOOL), schools(SCHOOL)),
    "one for another product": CallerRows(
        "dashboard", "integrator", None, schools(), schools(SCHOOL)
    ),
    "one with an expired mandate": CallerRows("expired", "integrator"),
    "one with a revoked mandate": CallerRows("revoked", "integrator"),
    "one without a mandate": CallerRows("unknown", "integrator"),
    "an operator": CallerRows("ops", "operator", None, schools(), schools(SCHOOL, OTHER, GONE)),
}


@pytest.fixture(scope="module")
def seeded(sessions: Sessions, storage: Storage) -> Seeded:
    """Add rows to every table, of two schools and a removed one."""
    with UnitOfWork(sessions) as unit:
        seeded = seed_schools(unit.session, storage)
        item = unit.session.scalar(
            insert(JobItem).values(job_id=seeded.job, subject=SCHOOL).returning(JobItem.id)
        )
        unit.session.execute(insert(JobFailure).values(item_id=item, subject="x", problem={}))
        for label, school in (("first", SCHOOL), ("other", OTHER)):
            values = {"items": ["a"], "correct": [True], "school_id": school}
            component = seeded.components["LO4-LEZ"]
            ids = {"student_id": seeded.students[label], "component_id": component}
            unit.session.execute(insert(ItemResult).values(**ids, **values))
        numbers = {"first": SCHOOL, "second": SCHOOL, "other": OTHER, "gone": GONE}
        for label, school in numbers.items():
            of = {"administration_id": ADMINISTRATION, "school_id": school, "reason": "withheld"}
            ids = {"student_id": seeded.students[label], "component_ids": [component]}
            facts = of | {"facts_revision": int(label != "second")}
            unit.session.execute(insert(MissingFiche).values(**ids, **facts))
        for client, product, until_on, revoked in (
            ("mandated", Product.STUDENT_FEEDBACK, date(2999, 1, 1), None),
            ("dashboard", Product.SCHOOL_FEEDBACK, date(2999, 1, 1), None),
            ("expired", Product.STUDENT_FEEDBACK, date(2024, 1, 2), None),
            ("revoked", Product.STUDENT_FEEDBACK, date(2999, 1, 1), text("now()")),
        ):
            unit.session.execute(
                insert(Mandate).values(
                    school_id=SCHOOL,
                    client=client,
                    products=[product],
                    from_on=date(2024, 1, 1),
                    until_on=until_on,
                    purpose="p",
                    decided_by="portal",
                    revoked_at=revoked,
                )
            )
        for school in sorted(ALL):
            allow(unit, school_request(school), school)
    return seeded


@pytest.fixture(scope="module")
def api_sessions(api_settings: Settings) -> Iterator[Sessions]:
    engine = open_engine(api_settings, application_name="tests")
    yield session_factory(engine)
    engine.dispose()


@pytest.fixture
def as_caller(api_sessions: Sessions, seeded: Seeded) -> Iterator[Callable[..., Session]]:  # noqa: ARG001  # rows to hide
    """Return a function that opens a session of the API's login for a caller."""
    with ExitStack() as opened:

        def as_caller(caller: CallerRows | None) -> Session:
            session = opened.enter_context(api_sessions())
            if caller is not None:
                set_local_settings(
                    session,
                    {
                        "toetsfeedback.client": caller.client,
                        "toetsfeedback.kind": caller.kind,
                        "toetsfeedback.school": caller.school or "",
                    },
                )
            return session

        yield as_caller


@pytest.fixture(params=WINDOWS)
def moment(request: pytest.FixtureRequest, sessions: Sessions, seeded: Seeded) -> Iterator[str]:
    """Add a window for one component, before, around or after now; the others have none."""
    with UnitOfWork(sessions) as unit:
        unit.session.execute(
            text(
                "insert into release_windows (administration_id, product, component_id,"
                " opens_at, closes_at, before_plans) select administration_id, 'studentFeedback',"
                f" id, {WINDOWS[request.param]}, true from components where id = :id"
            ),
            {"id": seeded.components["LO4-LEZ"]},
        )
    yield request.param
    with UnitOfWork(sessions) as unit:
        unit.session.execute(delete(ReleaseWindow))


def seen(session: Session, table: str, column: str = "school_id") -> set[str | None]:
    """Return the values of a column that a statement without any filter shows."""
    return set(session.scalars(text(f"select {column} from {table}")))


@pytest.mark.parametrize("name", CALLERS)
def test_policies_show_only_released_rows_within_reach(
    as_caller: Callable[..., Session], moment: str, name: str
) -> None:
    caller = CALLERS[name]
    session = as_caller(caller)
    students = caller.students if caller else frozenset()
    own = {caller.school} & ALL if caller and caller.kind == "school" else set()
    is_operator = caller is not None and caller.kind == "operator"
    released = students & {SCHOOL} if moment == "in" else set()
    assert seen(session, "students") == students
    assert seen(session, "class_groups") == students
    assert seen(session, "participations") == (caller.participations if caller else set())
    assert seen(session, "results") == released
    assert seen(session, "documents") == released
    missing = students - {GONE} if moment == "in" else set()
    assert seen(session, "missing_fiches") == missing
    assert seen(session, "audit_events", "organisation") == own
    for table in ("deliveries", "jobs", "job_items", "job_failures"):
        assert bool(seen(session, table, "id")) is is_operator, table
    for table in ("scale_scores", "item_results", "audit_heads"):
        with pytest.raises(DBAPIError, match="permission denied"):
            seen(as_caller(caller), table, "*")


@pytest.mark.usefixtures("moment")
def test_schools_see_mandates_they_gave_and_integrators_those_they_received(
    as_caller: Callable[..., Session],
) -> None:
    def clients(name: str) -> set[str | None]:
        return seen(as_caller(CALLERS[name]), "mandates", "client")

    assert clients("a school") == {"mandated", "dashboard", "expired", "revoked"}
    assert clients("an integrator") == {"mandated"}
    for name in ("no caller", "another school", "one without a mandate", "an operator"):
        assert clients(name) == set(), name


def test_policies_show_only_current_results_and_documents(
    as_caller: Callable[..., Session], moment: str, seeded: Seeded
) -> None:
    session = as_caller(CALLERS["a school"])
    statement = "select component_id from results where superseded_at is null or true"
    found = set(session.scalars(text(statement)))
    assert found == ({seeded.components["LO4-LEZ"]} if moment == "in" else set())
    assert not seen(session, "results", "superseded_at") - {None}
    documents = set(session.scalars(text("select id from documents")))
    released = {seeded.documents["reading only"], seeded.documents["of removed"]}
    assert documents == (released if moment == "in" else set())
    missing = seen(session, "missing_fiches", "student_id")
    assert missing == ({seeded.students["first"]} if moment == "in" else set())


@pytest.fixture
def release(sessions: Sessions, seeded: Seeded) -> Iterator[Callable[..., None]]:  # noqa: ARG001  # rows to hide
    """Release the whole administration for some products."""

    def release(*products: Product) -> None:
        with UnitOfWork(sessions) as unit:
            for product in products:
                add_window(unit.session, ADMINISTRATION, product, opens_at=text("now()"))

    yield release
    with UnitOfWork(sessions) as unit:
        unit.session.execute(delete(ReleaseWindow))


def test_windows_of_other_products_release_no_result_and_no_document(
    as_caller: Callable[..., Session], release: Callable[..., None]
) -> None:
    release(Product.SCHOOL_FEEDBACK, Product.TEST_VIEWING)
    for caller in CALLERS.values():
        with as_caller(caller) as session:
            for table in ("results", "documents", "missing_fiches"):
                assert seen(session, table) == set(), table


PRODUCT_OF_KIND = "select pg_get_functiondef('product_of_document_kind(varchar)'::regprocedure)"
OVERVIEWS_IN_SCHOOL_FEEDBACK = """
create or replace function product_of_document_kind(kind varchar) returns varchar
language sql immutable parallel safe return
    case when kind = 'overview' then 'schoolFeedback' else 'studentFeedback' end
"""


@pytest.fixture
def _overviews_in_school_feedback(sessions: Sessions) -> Iterator[None]:
    with UnitOfWork(sessions) as unit:
        before = unit.session.execute(text(PRODUCT_OF_KIND)).scalar_one()
        unit.session.execute(text(OVERVIEWS_IN_SCHOOL_FEEDBACK))
    yield
    with UnitOfWork(sessions) as unit:
        unit.session.execute(text(before))


@pytest.mark.usefixtures("_overviews_in_school_feedback")
@pytest.mark.parametrize("products", [(), *combinations(Product, 1), *combinations(Product, 2)])
def test_mandate_and_window_of_the_product_of_a_kind_decide_about_its_documents(
    as_caller: Callable[..., Session], release: Callable[..., None], products: tuple[Product, ...]
) -> None:
    def kinds(name: str) -> set[str | None]:
        with as_caller(CALLERS[name]) as session:
            return seen(session, "documents", "kind")

    release(*products)
    fiches = {"fiche", "ficheBundle", "fichePrint"}
    student = fiches if Product.STUDENT_FEEDBACK in products else set()
    school = {"overview"} if Product.SCHOOL_FEEDBACK in products else set()
    assert kinds("a school") == student | school
    assert kinds("an integrator") == student
    assert kinds("one for another product") == school
    for name in ("no caller", "one with a revoked mandate", "one without a mandate", "an operator"):
        assert kinds(name) == set(), name


@pytest.mark.parametrize(
    "change",
    [
        f"insert into mandates values (gen_random_uuid(), 1, '{OTHER}', 'x', '{{schoolFeedback}}')",
        "insert into release_windows (administration_id, product) values ('2024', 'x')",
        "insert into jobs (kind, lane, subject, requested_by) values ('x', 'bulk', 'x', 'x')",
        "insert into deliveries (status, received_from) values ('received', 'x')",
    ],
)
@pytest.mark.parametrize("name", ["no caller", "a school", "an integrator"])
def test_a_caller_cannot_write_rows_out_of_reach(
    as_caller: Callable[..., Session], name: str, change: str
) -> None:
    with pytest.raises(DBAPIError, match="violates row-level security policy"):
        as_caller(CALLERS[name]).execute(text(change))


def test_the_caller_of_a_session_is_reset_after_its_transaction(
    as_caller: Callable[..., Session],
) -> None:
    session = as_caller(CALLERS["a school"])
    assert seen(session, "students")
    session.commit()
    session.info.clear()
    assert seen(session, "students") == set()
