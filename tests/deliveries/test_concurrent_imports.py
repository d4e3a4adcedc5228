"""Concurrent imports of one administration wait for each other."""

import threading
from pathlib import Path

from sqlalchemy import func, select, text

from shared.core.database import Sessions
from shared.core.unit_of_work import UnitOfWork
from shared.deliveries.models import Delivery
from shared.deliveries.service import ImportOutcome
from shared.results.models import Result
from tests.deliveries.delivery_files import correction, full, run_import


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
            .where(text("locktype = 'advisory' and not granted"))
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
