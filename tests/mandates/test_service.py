from collections.abc import Callable
from datetime import date, timedelta
from threading import Thread
from uuid import UUID, uuid4

import pytest
from sqlalchemy import delete, insert, select, update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from shared.access.products import Product
from shared.access.requests import AccessRequest
from shared.audit.models import AuditEvent
from shared.core.clock import database_today
from shared.core.database import Sessions
from shared.core.errors import Conflict, InvalidInput, MissingPermission, ResourceNotFound
from shared.core.paging import Page, PageSelection
from shared.core.unit_of_work import UnitOfWork
from shared.mandates.models import Mandate
from shared.mandates.repository import mandated_schools
from shared.mandates.service import (
    MandatePlan,
    MandateView,
    give_mandate,
    list_mandates,
    read_mandate,
    revoke_mandate,
    shorten_mandate,
)
from shared.oauth.clients.models import Client
from tests.callers import OPERATOR, integrator_request, school_request

SCHOOL, OTHER, VENDOR = "000028", "007947", str(uuid4())
SCHOOL_ACCESS = school_request(SCHOOL, "changeMandate")
OTHER_ACCESS = school_request(OTHER, "changeMandate")
VENDOR_ACCESS = integrator_request(VENDOR, {})


@pytest.fixture(scope="module", autouse=True)
def _registered(sessions: Sessions) -> None:
    with UnitOfWork(sessions) as unit:
        unit.session.execute(
            insert(Client).values(id=VENDOR, name="v", kind="integrator", scopes=[])
        )


@pytest.fixture
def today(session: Session) -> date:
    return database_today(session)


def give(
    unit: UnitOfWork,
    until_in: int = 30,
    from_in: int = 0,
    products: tuple[Product, ...] = (Product.STUDENT_FEEDBACK,),
    access: AccessRequest = SCHOOL_ACCESS,
) -> UUID:
    today = database_today(unit.session)
    begin, end = today + timedelta(days=from_in), today + timedelta(days=until_in)
    plan = MandatePlan(VENDOR, products, end, "Report book", begin)
    return give_mandate(unit, access, plan).mandate.id


def shared(session: Session, product: Product = Product.STUDENT_FEEDBACK) -> set[str]:
    return set(mandated_schools(session, VENDOR, product, None))


def in_force_on(session: Session, day: date) -> list[UUID]:
    page = list_mandates(session, SCHOOL_ACCESS, day, PageSelection(10))
    return [view.mandate.id for view in page.rows]


def test_a_mandate_shares_its_products_of_its_own_school_only(unit: UnitOfWork) -> None:
    give(unit)
    assert shared(unit.session) == {SCHOOL}
    assert shared(unit.session, Product.SCHOOL_FEEDBACK) == set()
    give(unit, access=OTHER_ACCESS)
    assert shared(unit.session) == {SCHOOL, OTHER}
    assert mandated_schools(unit.session, VENDOR, Product.STUDENT_FEEDBACK, OTHER) == {
        OTHER: "Report book"
    }


def test_a_revoked_mandate_shares_nothing_and_stays_listed(unit: UnitOfWork, today: date) -> None:
    mandate = give(unit)
    ended = revoke_mandate(unit, SCHOOL_ACCESS, mandate)
    assert (ended.state, ended.mandate.version) == ("revoked", 2)
    assert shared(unit.session) == set()
    assert in_force_on(unit.session, today) == [mandate]
    assert in_force_on(unit.session, today + timedelta(days=1)) == []
    again = revoke_mandate(unit, SCHOOL_ACCESS, mandate)
    assert again.mandate.revoked_at == ended.mandate.revoked_at
    assert again.mandate.version == 2


def test_a_shortened_mandate_ends_on_its_new_last_day(unit: UnitOfWork, today: date) -> None:
    mandate = give(unit, until_in=30)
    tomorrow = today + timedelta(days=1)
    shorten_mandate(unit, SCHOOL_ACCESS, mandate, tomorrow)
    assert in_force_on(unit.session, tomorrow) == [mandate]
    assert in_force_on(unit.session, tomorrow + timedelta(days=1)) == []
    versions = select(Mandate.version, Mandate.until_on, Mandate.superseded_at.is_(None))
    assert unit.session.execute(versions.order_by(Mandate.version)).all() == [
        (1, today + timedelta(days=30), False),
        (2, tomorrow, True),
    ]


def test_mandates_of_past_and_future_days_are_listed(unit: UnitOfWork, today: date) -> None:
    past = unit.session.scalar(
        insert(Mandate)
        .values(
            school_id=SCHOOL,
            client=VENDOR,
            products=[Product.STUDENT_FEEDBACK],
            from_on=date(2024, 9, 1),
            until_on=date(2025, 8, 31),
            purpose="Report book",
            decided_by="portal",
        )
        .returning(Mandate.id)
    )
    future = give(unit, from_in=100, until_in=200)
    assert in_force_on(unit.session, date(2024, 9, 1)) == in_force_on(
        unit.session, date(2025, 8, 31)
    )
    assert in_force_on(unit.session, date(2024, 12, 24)) == [past]
    assert in_force_on(unit.session, date(2025, 9, 1)) == in_force_on(unit.session, today) == []
    assert in_force_on(unit.session, today + timedelta(days=150)) == [future]
    assert [
        view.state
        for view in list_mandates(unit.session, VENDOR_ACCESS, None, PageSelection(10)).rows
    ] == [
        "planned",
        "expired",
    ]


@pytest.mark.parametrize(
    "products", [(Product.TEST_VIEWING,), (Product.STUDENT_FEEDBACK, Product.TEST_VIEWING)]
)
def test_a_mandate_never_shares_test_viewing(
    unit: UnitOfWork, today: date, products: tuple[Product, ...]
) -> None:
    with pytest.raises(InvalidInput) as rejected:
        give(unit, products=products)
    assert rejected.value.field == ("products",)
    values = {"school_id": SCHOOL, "client": VENDOR, "from_on": today, "until_on": today}
    with pytest.raises(DBAPIError, match="products_known"):
        unit.session.execute(
            insert(Mandate).values(
                **values, products=list(products), purpose="tests", decided_by="portal"
            )
        )


Change = Callable[[UnitOfWork, AccessRequest, UUID], MandateView]


@pytest.mark.parametrize(
    "change",
    [
        revoke_mandate,
        lambda unit, access, mandate: shorten_mandate(
            unit, access, mandate, database_today(unit.session)
        ),
    ],
)
def test_only_the_school_itself_changes_its_mandate(unit: UnitOfWork, change: Change) -> None:
    mandate = give(unit)
    with pytest.raises(ResourceNotFound):
        change(unit, OTHER_ACCESS, mandate)
    for access in (VENDOR_ACCESS, OPERATOR):
        with pytest.raises(MissingPermission):
            change(unit, access, mandate)
    assert shared(unit.session) == {SCHOOL}


def test_each_side_reads_its_own_mandates(unit: UnitOfWork) -> None:
    mandate = give(unit)
    for access in (SCHOOL_ACCESS, VENDOR_ACCESS):
        assert read_mandate(unit, access, mandate).state == "inForce"
    for access in (OTHER_ACCESS, integrator_request("another", {})):
        assert list_mandates(unit.session, access, None, PageSelection(10)) == Page([], 0)
        with pytest.raises(ResourceNotFound):
            read_mandate(unit, access, mandate)


@pytest.mark.parametrize(("from_in", "until_in"), [(-1, 1), (2, 1)])
def test_days_in_the_past_or_in_the_wrong_order_are_rejected(
    unit: UnitOfWork, from_in: int, until_in: int
) -> None:
    with pytest.raises(InvalidInput):
        give(unit, until_in=until_in, from_in=from_in)


def test_term_is_limited_by_the_setting(unit: UnitOfWork, today: date) -> None:
    plan = MandatePlan(
        VENDOR, [Product.STUDENT_FEEDBACK], today + timedelta(days=7), "Report book", today
    )
    with pytest.raises(InvalidInput, match="at most 7 days"):
        give_mandate(unit, SCHOOL_ACCESS, plan, max_days=7)
    assert give_mandate(unit, SCHOOL_ACCESS, plan, max_days=8).mandate.until_on == plan.until_on


@pytest.mark.parametrize("purpose", ["Report\u202ebook", "Report\x9bbook", "Report\nbook", ""])
def test_purpose_has_no_character_that_is_not_shown(
    unit: UnitOfWork, today: date, purpose: str
) -> None:
    plan = MandatePlan(VENDOR, [Product.STUDENT_FEEDBACK], today, purpose, today)
    with pytest.raises(InvalidInput, match="invisible"):
        give_mandate(unit, SCHOOL_ACCESS, plan)


@pytest.mark.parametrize("days", [-1, 31])
def test_a_mandate_is_neither_shortened_into_the_past_nor_prolonged(
    unit: UnitOfWork, today: date, days: int
) -> None:
    mandate = give(unit, until_in=30)
    with pytest.raises(InvalidInput):
        shorten_mandate(unit, SCHOOL_ACCESS, mandate, today + timedelta(days=days))


def test_a_mandate_that_is_over_cannot_change(unit: UnitOfWork, today: date) -> None:
    mandate = give(unit)
    revoke_mandate(unit, SCHOOL_ACCESS, mandate)
    with pytest.raises(Conflict, match="revoked"):
        shorten_mandate(unit, SCHOOL_ACCESS, mandate, today)


def test_overlapping_mandates_for_one_product_and_client_are_rejected(unit: UnitOfWork) -> None:
    first = give(unit, from_in=5, until_in=10)
    for from_in, until_in in ((0, 5), (10, 20), (7, 8), (0, 30)):
        with pytest.raises(Conflict):
            give(unit, until_in, from_in, (Product.STUDENT_FEEDBACK, Product.SCHOOL_FEEDBACK))
    give(unit, from_in=11, until_in=20)
    give(unit, from_in=5, until_in=10, products=(Product.SCHOOL_FEEDBACK,))
    revoke_mandate(unit, SCHOOL_ACCESS, first)
    give(unit, from_in=5, until_in=10)


def test_of_equal_mandates_given_at_the_same_time_one_is_added(sessions: Sessions) -> None:
    """Each transaction waits for the one before it, and then finds its mandate."""
    is_added: list[bool] = []

    def try_to_give() -> None:
        try:
            with UnitOfWork(sessions) as unit:
                give(unit, access=school_request("111111"))
        except Conflict:
            is_added.append(False)
        else:
            is_added.append(True)

    threads = [Thread(target=try_to_give) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(is_added) == [False, False, False, True]


def test_every_change_is_in_the_audit_log_of_the_school(unit: UnitOfWork, today: date) -> None:
    mandate = give(unit)
    shorten_mandate(unit, school_request(SCHOOL, "shortenMandate"), mandate, today)
    revoke_mandate(unit, school_request(SCHOOL, "revokeMandate"), mandate)
    unit.commit()
    events = select(AuditEvent.action, AuditEvent.organisation).where(
        AuditEvent.resource == f"/v1/mandates/{mandate}"
    )
    assert unit.session.execute(events.order_by(AuditEvent.id)).all() == [
        ("createMandate", SCHOOL),
        ("shortenMandate", SCHOOL),
        ("revokeMandate", SCHOOL),
    ]


@pytest.mark.parametrize(
    "statement",
    [
        update(Mandate).values(until_on=Mandate.until_on + 1),
        update(Mandate).values(superseded_at=Mandate.decided_at, client="another"),
        delete(Mandate),
    ],
)
def test_a_version_cannot_be_rewritten_or_removed(unit: UnitOfWork, statement: object) -> None:
    give(unit)
    with pytest.raises(DBAPIError, match="never changed or removed"):
        unit.session.execute(statement)  # type: ignore[call-overload]
