"""Power cuts: whatever was acknowledged before is on the disk afterwards."""

import os
import signal
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from hashlib import sha256
from random import Random
from threading import Event
from uuid import UUID

import httpx
import pytest
from sqlalchemy import select, text

from embedded.running_instance import STORAGE_URL
from shared.core.settings import MIB
from shared.deliveries.models import Delivery
from shared.documents.models import Document
from shared.jobs.models import JobItem
from shared.storage.store import Storage, open_storage
from tests.chaos.conftest import Intensity
from tests.chaos.deployment import Deployment
from tests.chaos.invariants import DocumentHashes, assert_consistent, wait_for_jobs
from tests.chaos.loop_disk import NEEDS, LoopDisk, can_mount, loop_disk

pytestmark = [
    pytest.mark.journey,
    pytest.mark.xdist_group("chaos"),
    pytest.mark.timeout(600),  # many builds, or a start of all servers
    pytest.mark.skipif(not can_mount(), reason=NEEDS),
]


@pytest.fixture
def disk(deployment: Deployment, intensity: Intensity) -> Iterator[LoopDisk]:
    """Let the deployment store its objects on a disk of its own, with room for all builds."""
    with (
        loop_disk(mebibytes=128 * (intensity.power_cuts + 1)) as disk,
        deployment.restarted_with({STORAGE_URL: disk.mount_point.as_uri()}),
    ):
        yield disk


def documents(deployment: Deployment) -> Sequence[Document]:
    with deployment.unit_of_work() as unit:
        return unit.session.scalars(select(Document)).all()


def assert_stored(found: Sequence[Document], storage: Storage) -> None:
    for document in found:
        content = b"".join(storage.stream_segments(document.segments))
        assert sha256(content).digest() == document.sha256


def test_documents_of_committed_rows_outlive_power_cuts(
    deployment: Deployment,
    reference: DocumentHashes,
    disk: LoopDisk,
    intensity: Intensity,
    rng: Random,
) -> None:
    seen = 0
    for _ in range(intensity.power_cuts):
        deployment.build()
        deployment.wait_until(lambda: documents(deployment))
        time.sleep(rng.uniform(0, intensity.build_seconds))
        deployment.send(signal.SIGSTOP, *deployment.workers)
        found = documents(deployment)
        with disk.after_power_cut() as directory:
            assert_stored(found, open_storage(directory.as_uri()))
        deployment.send(signal.SIGCONT, *deployment.workers)
        wait_for_jobs(deployment)
        seen += len(found)
    with disk.after_power_cut() as directory:
        assert_stored(documents(deployment), open_storage(directory.as_uri()))
    assert_consistent(deployment, reference)
    assert seen > 0


@pytest.fixture
def uploads_disk(deployment: Deployment, disk: LoopDisk) -> Iterator[LoopDisk]:
    """Yield the disk while no worker runs; remove the submitted deliveries with their jobs.

    A worker would record the completion of their items, which other tests take for theirs.
    """
    deployment.kill(*deployment.workers)
    with deployment.unit_of_work() as unit:
        before = list(unit.session.scalars(select(Delivery.id)))
    yield disk
    with deployment.unit_of_work() as unit:
        session = unit.session
        submitted = session.scalars(select(Delivery.id).where(Delivery.id.not_in(before))).all()
        subjects = {"subjects": [str(delivery) for delivery in submitted]}
        session.execute(text("delete from job_items where subject = any(:subjects)"), subjects)
        session.execute(text("delete from jobs where subject = any(:subjects)"), subjects)
        session.execute(text("delete from deliveries where id::text = any(:subjects)"), subjects)


def test_accepted_uploads_outlive_power_cuts(
    deployment: Deployment, uploads_disk: LoopDisk, intensity: Intensity, rng: Random
) -> None:
    accepted: dict[UUID, bytes] = {}
    is_enough = Event()

    def upload() -> None:
        with deployment.operator() as client:
            while not is_enough.is_set():
                content = os.urandom(MIB)
                response = client.post(
                    "/v1/deliveries", content=content, headers={"Content-Type": "application/zip"}
                )
                assert response.status_code == httpx.codes.ACCEPTED, response.text
                accepted[response.json()["id"]] = sha256(content).digest()

    with ThreadPoolExecutor(1) as pool:
        uploads = pool.submit(upload)
        for number in range(intensity.power_cuts):
            deployment.wait_until(partial(has_more_than, accepted, number))
            time.sleep(rng.uniform(0, 0.05))
            acknowledged = dict(accepted)
            deployment.send(signal.SIGSTOP, deployment.api)
            with uploads_disk.after_power_cut() as directory:
                assert_uploaded(deployment, acknowledged, open_storage(directory.as_uri()))
            deployment.send(signal.SIGCONT, deployment.api)
        is_enough.set()
        uploads.result(timeout=60)


def has_more_than(accepted: dict[UUID, bytes], number: int) -> bool:
    return len(accepted) > number


def assert_uploaded(deployment: Deployment, accepted: dict[UUID, bytes], storage: Storage) -> None:
    """Assert that the delivery of each accepted job is stored."""
    assert len(accepted) > 0
    with deployment.unit_of_work() as unit:
        items = unit.session.execute(
            select(JobItem.job_id, Delivery.storage_key)
            .join(Delivery, text("deliveries.id::text = job_items.subject"))
            .where(JobItem.job_id.in_(accepted))
        ).all()
    stored = {str(job): sha256(storage.read(str(key))).digest() for job, key in items}
    assert stored == accepted
