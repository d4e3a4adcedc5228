from collections.abc import Callable
from datetime import date, timedelta
from threading import Thread
from uuid import UUID, uuid4

import pytest
from sqlalchemy import delete, insert, select, update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from shared.access.products import SCHOOL_FEEDBACK, STUDENT_FEEDBACK
from shared.access.requests import AccessRequest
from shared.audit.models import AuditEvent
from shared.core.clock import database_today
from shared.core.database import Sessions
from shared.core.errors import Conflict, InvalidInput, MissingPermission, ResourceNotFound
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
OF_SCHOOL = school_request(SCHOOL, "changeMandate")
OF_OTHER = school_request(OTHER, "changeMandate")
OF_VENDOR = integrator_request(VENDOR, {})


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
    products: tuple[str, ...] = (STUDENT_FEEDBACK,),
    access: AccessRequest = OF_SCHOOL,
) -> UUID:
    today = database_today(unit.session)
    begin, end = today + timedelta(days=from_in), today + timedelta(days=until_in)
    plan = MandatePlan(VENDOR, products, end, "Report book", begin)
    return give_mandate(unit, access, plan).mandate.id


def shared(session: Session, product: str = STUDENT_FEEDBACK) -> set[str]:
    return set(mandated_schools(session, VENDOR, product, None))


def in_force_on(session: Session, day: date) -> list[UUID]:
    _, views = list_mandates(session, OF_SCHOOL, day, 0, 10)
    return [view.mandate.id for view in views]


def test_a_mandate_shares_its_products_of_that_school_only(unit: UnitOfWork) -> None:
    give(unit)
    assert shared(unit.session) == {SCHOOL}
    assert shared(unit.session, SCHOOL_FEEDBACK) == set()
    give(unit, access=OF_OTHER)
    assert shared(unit.session) == {SCHOOL, OTHER}
    assert mandated_schools(unit.session, VENDOR, STUDENT_FEEDBACK, OTHER) == {OTHER: "Report book"}


def test_a_revoked_mandate_shares_nothing_more_and_stays_known(
    unit: UnitOfWork, today: date
) -> None:
    mandate = give(unit)
    ended = revoke_mandate(unit, OF_SCHOOL, mandate)
    assert (ended.state, ended.mandate.version) == ("revoked", 2)
    assert shared(unit.session) == set()
    assert in_force_on(unit.session, today) == [mandate]
    assert in_force_on(unit.session, today + timedelta(days=1)) == []
    again = revoke_mandate(unit, OF_SCHOOL, mandate)
    assert again.mandate.revoked_at == ended.mandate.revoked_at
    assert again.mandate.version == 2


def test_a_shortened_mandate_ends_on_its_new_day(unit: UnitOfWork, today: date) -> None:
    mandate = give(unit, until_in=30)
    tomorrow = today + timedelta(days=1)
    shorten_mandate(unit, OF_SCHOOL, mandate, tomorrow)
    assert in_force_on(unit.session, tomorrow) == [mandate]
    assert in_force_on(unit.session, tomorrow + timedelta(days=1)) == []
    versions = select(Mandate.version, Mandate.until_on, Mandate.superseded_at.is_(None))
    assert unit.session.execute(versions.order_by(Mandate.version)).all() == [
        (1, today + timedelta(days=30), False),
        (2, tomorrow, True),
    ]


def test_the_past_and_the_future_are_answered_for(unit: UnitOfWork, today: date) -> None:
    past = unit.session.scalar(
        insert(Mandate)
        .values(
            school_id=SCHOOL,
            client=VENDOR,
            products=[STUDENT_FEEDBACK],
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
    assert [view.state for view in list_mandates(unit.session, OF_VENDOR, None, 0, 10)[1]] == [
        "planned",
        "expired",
    ]


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
def test_nobody_but_the_school_itself_changes_its_mandate(unit: UnitOfWork, change: Change) -> None:
    mandate = give(unit)
    with pytest.raises(ResourceNotFound):
        change(unit, OF_OTHER, mandate)
    for access in (OF_VENDOR, OPERATOR):
        with pytest.raises(MissingPermission):
            change(unit, access, mandate)
    assert shared(unit.session) == {SCHOOL}


def test_each_side_reads_its_own_mandates(unit: UnitOfWork) -> None:
    mandate = give(unit)
    for access in (OF_SCHOOL, OF_VENDOR):
        assert read_mandate(unit, access, mandate).state == "inForce"
    for access in (OF_OTHER, integrator_request("another", {})):
        assert list_mandates(unit.session, access, None, 0, 10) == (0, [])
        with pytest.raises(ResourceNotFound):
            read_mandate(unit, access, mandate)


@pytest.mark.parametrize(("from_in", "until_in"), [(-1, 1), (2, 1)])
def test_days_that_contradict_each_other_or_are_over_are_refused(
    unit: UnitOfWork, from_in: int, until_in: int
) -> None:
    with pytest.raises(InvalidInput):
        give(unit, until_in=until_in, from_in=from_in)


@pytest.mark.parametrize("days", [-1, 31])
def test_a_mandate_is_not_shortened_into_the_past_nor_prolonged(
    unit: UnitOfWork, today: date, days: int
) -> None:
    mandate = give(unit, until_in=30)
    with pytest.raises(InvalidInput):
        shorten_mandate(unit, OF_SCHOOL, mandate, today + timedelta(days=days))


def test_what_is_over_stays_as_it_was(unit: UnitOfWork, today: date) -> None:
    mandate = give(unit)
    revoke_mandate(unit, OF_SCHOOL, mandate)
    with pytest.raises(Conflict, match="revoked"):
        shorten_mandate(unit, OF_SCHOOL, mandate, today)


def test_a_product_is_shared_with_a_client_once_at_a_time(unit: UnitOfWork) -> None:
    first = give(unit, from_in=5, until_in=10)
    for from_in, until_in in ((0, 5), (10, 20), (7, 8), (0, 30)):
        with pytest.raises(Conflict):
            give(unit, until_in, from_in, (STUDENT_FEEDBACK, SCHOOL_FEEDBACK))
    give(unit, from_in=11, until_in=20)
    give(unit, from_in=5, until_in=10, products=(SCHOOL_FEEDBACK,))
    revoke_mandate(unit, OF_SCHOOL, first)
    give(unit, from_in=5, until_in=10)


def test_two_at_the_same_time_do_not_share_it_twice(sessions: Sessions) -> None:
    """Each sees no other at first; the second waits for the first, and looks again."""
    given: list[bool] = []

    def give_once() -> None:
        try:
            with UnitOfWork(sessions) as unit:
                give(unit, access=school_request("111111"))
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


def test_every_change_is_on_the_trail_of_the_school(unit: UnitOfWork, today: date) -> None:
    mandate = give(unit)
    shorten_mandate(unit, school_request(SCHOOL, "shortenMandate"), mandate, today)
    revoke_mandate(unit, school_request(SCHOOL, "revokeMandate"), mandate)
    unit.commit()
    trail = select(AuditEvent.action, AuditEvent.organisation).where(
        AuditEvent.resource == f"/v1/mandates/{mandate}"
    )
    assert unit.session.execute(trail.order_by(AuditEvent.id)).all() == [
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
def test_no_version_is_rewritten_or_removed(unit: UnitOfWork, rewrite: object) -> None:
    give(unit)
    with pytest.raises(DBAPIError, match="never changed or removed"):
        unit.session.execute(rewrite)  # type: ignore[call-overload]
