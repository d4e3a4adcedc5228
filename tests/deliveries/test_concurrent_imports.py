"""Concurrent imports and changes of windows in one administration wait for each other."""

import threading
from collections.abc import Sequence
from pathlib import Path

from sqlalchemy import delete, func, select, text

from shared.access.products import Product
from shared.core.database import Sessions
from shared.core.paging import PageSelection
from shared.core.unit_of_work import UnitOfWork
from shared.deliveries.models import Delivery
from shared.deliveries.service import ImportOutcome
from shared.releases.models import ReleaseWindow
from shared.releases.repository import lock_recalls, lock_windows
from shared.releases.service import list_windows
from shared.results.models import Component, Result
from tests.deliveries.delivery_files import DeliveryFiles, correction, full, places, run_import
from tests.deliveries.test_release_windows import moved
from tests.releasing import add_recall, add_window


def moving(administration: str, count: int = 2) -> list[DeliveryFiles]:
    """Return full deliveries, of which the last moves WIS4 from LO4 to SO2A."""
    deliveries = [full(number) for number in range(1, count + 1)]
    for number, delivery in enumerate(deliveries):
        delivery.manifest |= {
            "administrationId": administration,
            "deliveryId": f"{administration}-{number}",
        }
        delivery.administration = {**(delivery.administration or {}), "id": administration}
    moved(deliveries[-1])
    return deliveries


def wait_for_lock(sessions: Sessions) -> None:
    """Return when a transaction waits for another one."""
    waiting = (
        select(func.count())
        .select_from(text("pg_locks"))
        .where(text("locktype = 'transactionid' and not granted"))
    )
    with sessions() as observer:
        while not observer.execute(waiting).scalar_one():
            observer.rollback()


def test_imports_of_one_administration_wait_for_each_other(
    sessions: Sessions, tmp_path: Path
) -> None:
    first = full().write(tmp_path / "first")
    second = correction(2, results=[["s1", "LEZ4", "reported", "D", ""]]).write(tmp_path / "second")
    outcomes: list[ImportOutcome] = []

    def import_second() -> None:
        with UnitOfWork(sessions) as unit:
            outcomes.append(run_import(unit.session, second))

    with UnitOfWork(sessions) as unit:
        assert run_import(unit.session, first).status == "applied"
        other = threading.Thread(target=import_second)
        other.start()
        wait_for_lock(sessions)
        assert not outcomes
    other.join()

    assert [outcome.status for outcome in outcomes] == ["applied"]
    with sessions() as session:
        superseded = select(func.count()).where(Result.superseded_at.is_not(None))
        assert session.execute(superseded).scalar_one() == 1


def test_concurrent_imports_of_the_same_delivery_apply_it_once(
    sessions: Sessions, tmp_path: Path
) -> None:
    delivery = full()
    delivery.manifest |= {"administrationId": "2031", "deliveryId": "concurrent"}
    delivery.administration = {**(delivery.administration or {}), "id": "2031"}
    path = delivery.write(tmp_path)
    statuses: list[str] = []

    def import_once() -> None:
        with UnitOfWork(sessions) as unit:
            statuses.append(run_import(unit.session, path).status)

    threads = [threading.Thread(target=import_once) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(statuses) == ["applied", "unchanged", "unchanged"]
    with sessions() as session:
        count = select(func.count()).where(
            Delivery.reference == "concurrent", Delivery.status == "applied"
        )
        assert session.execute(count).scalar_one() == 1


def test_window_waits_for_an_import_that_moves_a_component_and_for_no_other(
    sessions: Sessions, tmp_path: Path
) -> None:
    paths = [one.write(tmp_path / f"{n}") for n, one in enumerate(moving("2032", 3))]

    def plan(target_group: str) -> None:
        with UnitOfWork(sessions) as unit:
            lock_windows(unit.session)
            add_window(unit.session, "2032", target_group=target_group, never=True)

    with UnitOfWork(sessions) as unit:
        assert run_import(unit.session, paths[0]).status == "applied"
    with UnitOfWork(sessions) as unit:
        assert run_import(unit.session, paths[1]).status == "applied"
        plan("SO2A")
    with UnitOfWork(sessions) as unit:
        assert run_import(unit.session, paths[2]).status == "refused"
        unit.session.execute(delete(ReleaseWindow))
    with UnitOfWork(sessions) as unit:
        assert run_import(unit.session, paths[2]).status == "applied"
        other = threading.Thread(target=plan, args=["LO4"])
        other.start()
        other.join(timeout=0.5)
        assert list_windows(unit.session, "2032", PageSelection(1)).total == 0
        assert other.is_alive()
    other.join()

    with sessions() as session:
        assert list_windows(session, "2032", PageSelection(1)).total == 1


def test_recall_that_begins_during_an_import_is_not_ended_by_it(
    sessions: Sessions, tmp_path: Path
) -> None:
    paths = [one.write(tmp_path / f"{n}") for n, one in enumerate(moving("2033"))]
    outcomes: list[ImportOutcome] = []

    def import_second() -> None:
        with UnitOfWork(sessions) as unit:
            outcomes.append(run_import(unit.session, paths[1]))

    def target_groups() -> Sequence[int]:
        query = select(Component.target_group_id).where(Component.administration_id == "2033")
        with sessions() as session:
            return session.scalars(query.order_by(Component.code)).all()

    with UnitOfWork(sessions) as unit:
        assert run_import(unit.session, paths[0]).status == "applied"
    before = target_groups()
    with UnitOfWork(
        sessions
    ) as unit:  # the import has checked all recalls when it comes to this row
        component = select(Component).where(Component.administration_id == "2033")
        held = unit.session.scalars(component.where(Component.code == "WIS4").with_for_update())
        target_group_id = held.one().target_group_id
        other = threading.Thread(target=import_second)
        other.start()
        wait_for_lock(sessions)
        lock_recalls(unit.session, "2033")
        add_recall(unit.session, "2033", Product.STUDENT_FEEDBACK, target_group_id=target_group_id)
    other.join()

    assert [outcome.status for outcome in outcomes] == ["refused"]
    assert places(outcomes[0]) == [("changesRecall", "components.csv", 3, "target_group")]
    assert outcomes[0].report["changes"] == {}
    assert target_groups() == before


def test_recall_of_a_target_group_waits_for_an_import_that_moves_a_component(
    sessions: Sessions, tmp_path: Path
) -> None:
    first, second = (one.write(tmp_path / f"{n}") for n, one in enumerate(moving("2034")))

    def lock() -> None:
        with UnitOfWork(sessions) as unit:
            lock_recalls(unit.session, "2034")

    with UnitOfWork(sessions) as unit:
        assert run_import(unit.session, first).status == "applied"
    with UnitOfWork(sessions) as unit:
        assert run_import(unit.session, second).status == "applied"
        other = threading.Thread(target=lock)
        other.start()
        wait_for_lock(sessions)
        assert other.is_alive()
    other.join()
