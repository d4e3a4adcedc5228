"""No transaction is open while the store works: the server would end it after a while."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
from sqlalchemy import select

from services.worker.documents.school_production import Renderers
from services.worker.jobs.deliveries import apply_delivery
from services.worker.jobs.documents import build_school
from shared.core.database import Sessions
from shared.core.settings import Settings
from shared.core.unit_of_work import UnitOfWork
from shared.deliveries.uploads import receive_delivery
from shared.documents.building import start_build
from shared.documents.catalogues import CatalogueCache
from shared.jobs.claims import Claim
from shared.jobs.models import Job
from shared.jobs.queue import WakeUpQueue
from shared.jobs.rules import Lane
from shared.schools.models import Participation
from shared.storage.store import Storage
from tests.deliveries.delivery_files import full
from tests.worker.jobs.building import KEY

OPEN = """
select count(*) from pg_stat_activity
where datname = current_database() and state like 'idle in transaction%'
"""


class WatchedStorage(Storage):
    """A store that counts the open transactions of its database whenever it works."""

    def __init__(self, storage: Storage, settings: Settings) -> None:
        super().__init__(storage.backend, settings.storage_url)
        self._database_url = settings.database_url.get_secret_value()
        self.open_transactions: list[int] = []

    def _write(self, key: str, content: bytes | Path | Iterable[bytes]) -> None:
        self._count()
        super()._write(key, content)

    def stream(self, key: str, start: int = 0, end: int | None = None) -> Iterator[bytes]:
        self._count()
        return super().stream(key, start, end)

    def _count(self) -> None:
        with psycopg.connect(self._database_url, autocommit=True) as connection:
            row = connection.execute(OPEN).fetchone()
        self.open_transactions += row or []


@pytest.fixture
def watched(storage: Storage, settings: Settings) -> WatchedStorage:
    return WatchedStorage(storage, settings)


def claim_of(job: Job, subject: str, arguments: dict[str, str]) -> Claim:
    return Claim(uuid4(), job.id, job.kind, Lane.BULK, subject, arguments, 1, 1)


def test_no_transaction_is_open_while_the_store_works(
    sessions: Sessions, queue: WakeUpQueue, watched: WatchedStorage, tmp_path: Path
) -> None:
    key = "deliveries/first.zip"
    watched.put(key, full().pack(tmp_path / "first.zip").read_bytes())
    with UnitOfWork(sessions) as unit:
        job = receive_delivery(unit, queue, key, "tests")
    with UnitOfWork(sessions) as unit:
        apply_delivery(unit, claim_of(job, job.subject, {}), watched, KEY, 1.0)
    with UnitOfWork(sessions) as unit:
        school = unit.session.scalars(select(Participation)).first()
        assert school is not None
        ids = school.administration_id, school.school_id
        job = start_build(unit, queue, *ids, "tests")
    with UnitOfWork(sessions) as unit:
        claim = claim_of(job, ids[1], {"administrationId": ids[0]})
        result = build_school(unit, claim, watched, CatalogueCache(), Renderers())
    assert result.outcome["fiches"] > 0
    assert len(watched.open_transactions) > 5
    assert set(watched.open_transactions) == {0}
