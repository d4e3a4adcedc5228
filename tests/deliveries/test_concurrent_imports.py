"""Concurrent imports and changes of windows in one administration wait for each other."""

import threading
from pathlib import Path

from sqlalchemy import delete, func, select, text

from shared.core.database import Sessions
from shared.core.paging import PageSelection
from shared.core.unit_of_work import UnitOfWork
from shared.deliveries.models import Delivery
from shared.deliveries.service import ImportOutcome
from shared.releases.models import ReleaseWindow
from shared.releases.repository import lock_windows
from shared.releases.service import list_windows
from shared.results.models import Result
from tests.deliveries.delivery_files import correction, full, run_import
from tests.releasing import add_window


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
        waiting = (
            select(func.count())
            .select_from(text("pg_locks"))
            .where(text("locktype = 'transactionid' and not granted"))
        )
        with sessions() as observer:
            while not observer.execute(waiting).scalar_one():
                observer.rollback()
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
    deliveries = [full(1), full(2), full(3)]
    for number, delivery in enumerate(deliveries):
        delivery.manifest |= {"administrationId": "2032", "deliveryId": f"windows-{number}"}
        delivery.administration = {**(delivery.administration or {}), "id": "2032"}
    deliveries[2].set("components.csv", 3, "target_group", "SO2A")
    deliveries[2].remove("results.csv", 3)
    paths = [delivery.write(tmp_path / f"{n}") for n, delivery in enumerate(deliveries)]

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
