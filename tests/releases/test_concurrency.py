from datetime import UTC, datetime
from threading import Thread

from shared.access.products import Product
from shared.core.database import Sessions
from shared.core.errors import Conflict
from shared.core.unit_of_work import UnitOfWork
from shared.releases.service import WindowPlan, create_window
from tests.api.seeding import ADMINISTRATION, seed_schools
from tests.callers import OPERATOR

PLAN = WindowPlan(ADMINISTRATION, Product.TEST_VIEWING, opens_at=datetime(2024, 6, 21, tzinfo=UTC))


def test_of_overlapping_windows_added_at_the_same_time_one_is_added(sessions: Sessions) -> None:
    """Each transaction waits for the one before it, and then finds its window."""
    with UnitOfWork(sessions) as unit:
        seed_schools(unit.session)
    added: list[bool] = []

    def add_one() -> None:
        try:
            with UnitOfWork(sessions) as unit:
                create_window(unit, OPERATOR, PLAN)
        except Conflict:
            added.append(False)
        else:
            added.append(True)

    threads = [Thread(target=add_one) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(added) == [False, False, False, True]
