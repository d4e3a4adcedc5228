"""The job that applies a delivery, with the login of a worker."""

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import text

from services.worker.execution import HandlerResult
from services.worker.jobs.deliveries import apply_delivery
from shared.core.database import Sessions, open_engine, session_factory
from shared.core.errors import Conflict
from shared.core.settings import Settings
from shared.core.unit_of_work import UnitOfWork
from shared.deliveries.models import Delivery
from shared.deliveries.service import ImportOutcome, import_delivery
from shared.deliveries.uploads import receive_delivery
from shared.jobs.claims import Claim
from shared.jobs.queue import WakeUpQueue
from shared.jobs.rules import APPLY_DELIVERY, Lane
from shared.storage.store import Storage
from tests.deliveries.delivery_files import DeliveryFiles, full

KEY, OTHER_KEY = b"k" * 32, b"o" * 32


@pytest.fixture
def worker_sessions(settings_of: Callable[[str], Settings]) -> Iterator[Sessions]:
    engine = open_engine(settings_of("worker"), application_name="tests-worker")
    yield session_factory(engine)
    engine.dispose()


class Deliveries:
    """Uploads that a worker applies, one after the other."""

    def __init__(
        self, sessions: Sessions, owner: Sessions, storage: Storage, queue: WakeUpQueue, path: Path
    ) -> None:
        self._worker, self._owner = sessions, owner
        self.storage, self._queue, self._path = storage, queue, path

    def upload(self, delivery: DeliveryFiles) -> Claim:
        key = f"deliveries/{uuid4()}.zip"
        self.storage.put(key, delivery.pack(self._path / uuid4().hex).read_bytes())
        with UnitOfWork(self._owner) as unit:
            job = receive_delivery(unit, self._queue, key, "tests")
            return Claim(uuid4(), job.id, APPLY_DELIVERY, Lane.BULK, job.subject, {}, 1, 1)

    def apply(self, claim: Claim, key: bytes = KEY, share: float = 0.1) -> HandlerResult:
        with UnitOfWork(self._worker) as unit:
            return apply_delivery(unit, claim, self.storage, key, share)

    def stored(self, claim: Claim) -> Delivery:
        with UnitOfWork(self._owner) as unit:
            delivery = unit.session.get_one(Delivery, claim.subject)
            unit.session.expunge(delivery)
            return delivery


@pytest.fixture
def deliveries(
    worker_sessions: Sessions,
    sessions: Sessions,
    storage: Storage,
    queue: WakeUpQueue,
    tmp_path: Path,
) -> Iterator[Deliveries]:
    yield Deliveries(worker_sessions, sessions, storage, queue, tmp_path)
    with UnitOfWork(sessions) as unit:
        unit.session.execute(text("truncate deliveries, administrations, insz_key cascade"))


def test_result_has_the_sums_of_rows_and_changes(deliveries: Deliveries) -> None:
    first = deliveries.apply(deliveries.upload(full()))
    smaller = full(2)
    smaller.remove("students.csv", 4)
    smaller.remove("results.csv", 6)

    second = deliveries.apply(deliveries.upload(smaller))

    assert first.outcome["rows"] == second.outcome["rows"] + 2
    assert (first.outcome["changed"], first.outcome["removed"]) == (0, 0)
    assert second.outcome == {**second.outcome, "added": 0, "changed": 0, "removed": 2}


def test_delivery_has_no_name_on_the_disk_of_the_worker(
    deliveries: Deliveries, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing would delete it after the worker was killed."""
    directory, found = tmp_path / "temporary", []
    directory.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(directory))

    def import_observed(*arguments: Any, **options: Any) -> ImportOutcome:
        found.append(list(directory.iterdir()))
        return import_delivery(*arguments, **options)

    monkeypatch.setattr("services.worker.jobs.deliveries.import_delivery", import_observed)
    claim = deliveries.upload(full())
    deliveries.apply(claim)
    assert found == [[]]
    assert deliveries.stored(claim).status == "applied"


def test_delivery_that_removes_too_much_is_refused(deliveries: Deliveries) -> None:
    deliveries.apply(deliveries.upload(full()))
    smaller = full(2)
    del smaller.rows["students.csv"][3:]
    del smaller.rows["results.csv"][5:]
    del smaller.rows["item_results.csv"][3:]
    claim = deliveries.upload(smaller)

    result = deliveries.apply(claim)

    assert result.problem is not None
    assert result.outcome["removed"] == 0
    assert deliveries.stored(claim).report["faultCounts"] == {"tooMuchRemoved": 1}


def test_another_insz_key_fails_the_job_and_keeps_the_upload(deliveries: Deliveries) -> None:
    deliveries.apply(deliveries.upload(full()))
    claim = deliveries.upload(full(2))

    with pytest.raises(Conflict, match="TOETSFEEDBACK_INSZ_KEY_FILE"):
        deliveries.apply(claim, OTHER_KEY)

    delivery = deliveries.stored(claim)
    assert delivery.status == "received"
    assert delivery.storage_key is not None
    assert deliveries.storage.exists(delivery.storage_key)
    assert deliveries.apply(claim).problem is None
