from collections.abc import Callable
from datetime import date, timedelta
from threading import Thread
from uuid import UUID, uuid4

import pytest
from sqlalchemy import delete, insert, select, update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from shared.access.products import Product
from shared.audit.models import AuditEvent
from shared.audit.service import Actor
from shared.core.clock import database_today
from shared.core.database import Sessions, transaction
from shared.core.errors import BadRequest, Conflict, MissingPermission, ResourceNotFound
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
from shared.schools.service import Inquiry

SCHOOL, OTHER, VENDOR = "000028", "007947", str(uuid4())
SCHOOL_ACTOR = Actor("portal", "school", SCHOOL, None)
OTHER_ACTOR = Actor("portal", "school", OTHER, None)
VENDOR_ACTOR = Actor(VENDOR, "integrator", None, None)


@pytest.fixture(scope="module", autouse=True)
def _registered(sessions: Sessions) -> None:
    with transaction(sessions) as session:
        session.execute(insert(Client).values(id=VENDOR, name="v", kind="integrator", scopes=[]))


@pytest.fixture
def today(session: Session) -> date:
    return database_today(session)


def asking(actor: Actor, action: str = "changeMandate") -> Inquiry:
    return Inquiry(actor, action, "/v1/mandates", frozenset())


def give(
    session: Session,
    until_in: int = 30,
    from_in: int = 0,
    products: tuple[Product, ...] = (Product.STUDENT_FEEDBACK,),
    actor: Actor = SCHOOL_ACTOR,
) -> UUID:
    today = database_today(session)
    begin, end = today + timedelta(days=from_in), today + timedelta(days=until_in)
    plan = MandatePlan(VENDOR, products, end, "Report book", begin)
    return give_mandate(session, actor, plan).mandate.id


def shared(session: Session, product: Product = Product.STUDENT_FEEDBACK) -> set[str]:
    return set(mandated_schools(session, VENDOR, product, None))


def in_force_on(session: Session, day: date) -> list[UUID]:
    _, views = list_mandates(session, SCHOOL_ACTOR, day, 0, 10)
    return [view.mandate.id for view in views]


def test_a_mandate_shares_its_products_of_its_own_school_only(session: Session) -> None:
    give(session)
    assert shared(session) == {SCHOOL}
    assert shared(session, Product.SCHOOL_FEEDBACK) == set()
    give(session, actor=OTHER_ACTOR)
    assert shared(session) == {SCHOOL, OTHER}
    assert mandated_schools(session, VENDOR, Product.STUDENT_FEEDBACK, OTHER) == {
        OTHER: "Report book"
    }


def test_a_revoked_mandate_shares_nothing_and_stays_listed(session: Session, today: date) -> None:
    mandate = give(session)
    ended = revoke_mandate(session, asking(SCHOOL_ACTOR), mandate)
    assert (ended.state, ended.mandate.version) == ("revoked", 2)
    assert shared(session) == set()
    assert in_force_on(session, today) == [mandate]
    assert in_force_on(session, today + timedelta(days=1)) == []
    again = revoke_mandate(session, asking(SCHOOL_ACTOR), mandate)
    assert again.mandate.revoked_at == ended.mandate.revoked_at
    assert again.mandate.version == 2


def test_a_shortened_mandate_ends_on_its_new_last_day(session: Session, today: date) -> None:
    mandate = give(session, until_in=30)
    tomorrow = today + timedelta(days=1)
    shorten_mandate(session, asking(SCHOOL_ACTOR), mandate, tomorrow)
    assert in_force_on(session, tomorrow) == [mandate]
    assert in_force_on(session, tomorrow + timedelta(days=1)) == []
    versions = select(Mandate.version, Mandate.until_on, Mandate.superseded_at.is_(None))
    assert session.execute(versions.order_by(Mandate.version)).all() == [
        (1, today + timedelta(days=30), False),
        (2, tomorrow, True),
    ]


def test_mandates_of_past_and_future_days_are_listed(session: Session, today: date) -> None:
    past = session.scalar(
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
    future = give(session, from_in=100, until_in=200)
    assert in_force_on(session, date(2024, 9, 1)) == in_force_on(session, date(2025, 8, 31))
    assert in_force_on(session, date(2024, 12, 24)) == [past]
    assert in_force_on(session, date(2025, 9, 1)) == in_force_on(session, today) == []
    assert in_force_on(session, today + timedelta(days=150)) == [future]
    assert [view.state for view in list_mandates(session, VENDOR_ACTOR, None, 0, 10)[1]] == [
        "planned",
        "expired",
    ]


@pytest.mark.parametrize(
    "products", [(Product.TEST_VIEWING,), (Product.STUDENT_FEEDBACK, Product.TEST_VIEWING)]
)
def test_a_mandate_never_shares_test_viewing(
    session: Session, today: date, products: tuple[Product, ...]
) -> None:
    with pytest.raises(BadRequest) as refused:
        give(session, products=products)
    assert [issue.name for issue in refused.value.issues] == ["/products"]
    values = {"school_id": SCHOOL, "client": VENDOR, "from_on": today, "until_on": today}
    with pytest.raises(DBAPIError, match="products_known"):
        session.execute(
            insert(Mandate).values(
                **values, products=list(products), purpose="tests", decided_by="portal"
            )
        )


Change = Callable[[Session, Actor, UUID], MandateView]


@pytest.mark.parametrize(
    "change",
    [
        lambda session, actor, mandate: revoke_mandate(session, asking(actor), mandate),
        lambda session, actor, mandate: shorten_mandate(
            session, asking(actor), mandate, database_today(session)
        ),
    ],
)
def test_only_the_school_itself_changes_its_mandate(session: Session, change: Change) -> None:
    mandate = give(session)
    with pytest.raises(ResourceNotFound):
        change(session, OTHER_ACTOR, mandate)
    for actor in (VENDOR_ACTOR, Actor("ops", "operator", None, None)):
        with pytest.raises(MissingPermission):
            change(session, actor, mandate)
    assert shared(session) == {SCHOOL}


def test_each_side_reads_its_own_mandates(session: Session) -> None:
    mandate = give(session)
    for actor in (SCHOOL_ACTOR, VENDOR_ACTOR):
        assert read_mandate(session, asking(actor), mandate).state == "inForce"
    for actor in (OTHER_ACTOR, Actor("another", "integrator", None, None)):
        assert list_mandates(session, actor, None, 0, 10) == (0, [])
        with pytest.raises(ResourceNotFound):
            read_mandate(session, asking(actor), mandate)


@pytest.mark.parametrize(("from_in", "until_in"), [(-1, 1), (2, 1)])
def test_days_in_the_past_or_in_the_wrong_order_are_refused(
    session: Session, from_in: int, until_in: int
) -> None:
    with pytest.raises(BadRequest):
        give(session, until_in=until_in, from_in=from_in)


@pytest.mark.parametrize("days", [-1, 31])
def test_a_mandate_is_neither_shortened_into_the_past_nor_prolonged(
    session: Session, today: date, days: int
) -> None:
    mandate = give(session, until_in=30)
    with pytest.raises(BadRequest):
        shorten_mandate(session, asking(SCHOOL_ACTOR), mandate, today + timedelta(days=days))


def test_a_mandate_that_is_over_cannot_change(session: Session, today: date) -> None:
    mandate = give(session)
    revoke_mandate(session, asking(SCHOOL_ACTOR), mandate)
    with pytest.raises(Conflict, match="revoked"):
        shorten_mandate(session, asking(SCHOOL_ACTOR), mandate, today)


def test_overlapping_mandates_for_one_product_and_client_are_refused(session: Session) -> None:
    first = give(session, from_in=5, until_in=10)
    for from_in, until_in in ((0, 5), (10, 20), (7, 8), (0, 30)):
        with pytest.raises(Conflict):
            give(session, until_in, from_in, (Product.STUDENT_FEEDBACK, Product.SCHOOL_FEEDBACK))
    give(session, from_in=11, until_in=20)
    give(session, from_in=5, until_in=10, products=(Product.SCHOOL_FEEDBACK,))
    revoke_mandate(session, asking(SCHOOL_ACTOR), first)
    give(session, from_in=5, until_in=10)


def test_of_equal_mandates_given_at_the_same_time_one_is_added(sessions: Sessions) -> None:
    """Each transaction waits for the one before it, and then finds its mandate."""
    given: list[bool] = []

    def give_once() -> None:
        try:
            with transaction(sessions) as session:
                give(session, actor=Actor("portal", "school", "111111", None))
        except Conflict:
            given.append(False)
        else:
            given.append(True)

    threads = [Thread(target=give_once) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(given) == [False, False, False, True]


def test_every_change_is_in_the_audit_log_of_the_school(session: Session, today: date) -> None:
    mandate = give(session)
    shorten_mandate(session, asking(SCHOOL_ACTOR, "shortenMandate"), mandate, today)
    revoke_mandate(session, asking(SCHOOL_ACTOR, "revokeMandate"), mandate)
    session.commit()
    trail = select(AuditEvent.action, AuditEvent.organisation).where(
        AuditEvent.resource == f"/v1/mandates/{mandate}"
    )
    assert session.execute(trail.order_by(AuditEvent.id)).all() == [
        ("createMandate", SCHOOL),
        ("shortenMandate", SCHOOL),
        ("revokeMandate", SCHOOL),
    ]


@pytest.mark.parametrize(
    "rewrite",
    [
        update(Mandate).values(until_on=Mandate.until_on + 1),
        update(Mandate).values(superseded_at=Mandate.decided_at, client="another"),
        delete(Mandate),
    ],
)
def test_a_version_cannot_be_rewritten_or_removed(session: Session, rewrite: object) -> None:
    give(session)
    with pytest.raises(DBAPIError, match="never changed or removed"):
        session.execute(rewrite)  # type: ignore[call-overload]
