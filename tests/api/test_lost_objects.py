"""Objects that a row names and the store does not have."""

from collections.abc import Iterator

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import select, text

from shared.core.database import Sessions
from shared.core.unit_of_work import UnitOfWork
from shared.documents.rebuilds.service import start_rebuilds
from shared.jobs.models import Job
from shared.jobs.queue import WakeUpQueue
from shared.storage.store import Storage
from tests.api.seeding import ADMINISTRATION, BUNDLE, OBJECTS, OVERVIEW, SCHOOL, Seeded
from tests.api.test_gauges import samples

REQUESTS = "select administration_id, school_id, job_id from rebuild_requests"


@pytest.fixture
def lost(request: pytest.FixtureRequest, storage: Storage, sessions: Sessions) -> Iterator[str]:
    """Remove the named object from the store, or all but its first bytes; restore it at the end."""
    name, is_cut = request.param
    content = {"zip": BUNDLE, "xlsx": OVERVIEW}[name]
    storage.delete([OBJECTS[name]])
    if is_cut:
        storage.put(OBJECTS[name], content[:10])
    yield name
    storage.put(OBJECTS[name], content)
    with UnitOfWork(sessions) as unit:
        unit.session.execute(text("delete from rebuild_requests"))


def content_of(client: httpx.Client, seeded: Seeded, label: str) -> httpx.Response:
    return client.get(f"/v1/documents/{seeded.documents[label]}/content")


def requests(sessions: Sessions) -> list[tuple[str, str, object]]:
    with UnitOfWork(sessions) as unit:
        return [tuple(row) for row in unit.session.execute(text(REQUESTS))]


@pytest.mark.usefixtures("open_now")
@pytest.mark.parametrize(
    ("lost", "labels"),
    [
        (("zip", False), ["fiche", "bundle", "school bundle"]),
        (("zip", True), ["fiche", "bundle"]),
        (("xlsx", False), ["overview", "print", "school bundle"]),
    ],
    indirect=["lost"],
)
def test_a_lost_object_is_being_rebuilt(
    school: httpx.Client, seeded: Seeded, sessions: Sessions, lost: str, labels: list[str]
) -> None:
    for label in labels:
        response = content_of(school, seeded, label)
        assert response.status_code == 503, response.text
        assert response.json()["type"].endswith("documentBeingRebuilt")
        assert int(response.headers["Retry-After"]) > 0
    assert requests(sessions) == [(ADMINISTRATION, SCHOOL, None)], lost


@pytest.mark.parametrize("lost", [("zip", False)], indirect=True)
@pytest.mark.usefixtures("lost")
def test_a_lost_object_that_is_not_released_is_not_found(
    school: httpx.Client, other: httpx.Client, seeded: Seeded, sessions: Sessions
) -> None:
    for client in (school, other):
        assert content_of(client, seeded, "fiche").status_code == 404
    assert requests(sessions) == []


@pytest.mark.parametrize("lost", [("zip", False)], indirect=True)
@pytest.mark.usefixtures("lost", "open_now")
def test_a_link_to_a_lost_object_can_be_used_again(school: httpx.Client, seeded: Seeded) -> None:
    grant = school.post(f"/v1/documents/{seeded.documents['fiche']}/grants")
    response = httpx.get(grant.json()["href"])
    assert response.status_code == 503
    assert response.json()["type"].endswith("documentBeingRebuilt")


@pytest.mark.parametrize("lost", [("zip", False)], indirect=True)
@pytest.mark.usefixtures("lost", "open_now")
def test_one_job_is_started_for_any_number_of_reads(
    school: httpx.Client,
    seeded: Seeded,
    sessions: Sessions,
    queue: WakeUpQueue,
    app: FastAPI,
) -> None:
    registry = app.state.metrics.registry
    for _ in range(3):
        content_of(school, seeded, "fiche")
    with UnitOfWork(sessions) as unit:
        started = [start_rebuilds(unit, queue) for _ in range(2)]
        content_of(school, seeded, "fiche")
        assert started == [1, 0]
    with UnitOfWork(sessions) as unit:
        assert start_rebuilds(unit, queue) == 0
        job = unit.session.scalars(select(Job).where(Job.subject != "seeded")).one()
    try:
        assert (job.subject, job.state) == (f"{ADMINISTRATION}/{SCHOOL}", "queued")
        assert job.arguments["force"] is False
        assert requests(sessions) == [(ADMINISTRATION, SCHOOL, job.id)]
        assert samples(registry, "toetsfeedback_rebuilding_schools") == {"": 1}
    finally:
        with UnitOfWork(sessions) as unit:
            unit.session.execute(text("delete from rebuild_requests"))
            unit.session.execute(text("delete from job_items"))
            unit.session.execute(text("delete from jobs where subject <> 'seeded'"))
