"""A server that jobs wait for is named wherever an operator looks."""

from time import sleep
from uuid import UUID

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import text

from services.api.http.health_checks import FRESH_SECONDS
from services.cli.progress import JobProgress, print_jobs
from shared.core.database import Sessions
from shared.core.unit_of_work import UnitOfWork
from shared.jobs import service
from tests.api.seeding import ADMINISTRATION, SCHOOL
from tests.api.test_gauges import samples

WAITING_FOR = "object store: no space left on device"


@pytest.fixture
def job_url(operator: httpx.Client, sessions: Sessions, no_jobs: None) -> str:  # noqa: ARG001  # after it
    """Start a job whose only item waits for the object store."""
    body = {"kind": "documents.build", "administrationId": ADMINISTRATION, "schoolId": SCHOOL}
    url = operator.post("/v1/jobs", json=body).headers["Location"]
    with UnitOfWork(sessions) as unit:
        wait = "update job_items set waits = 1, waiting_for = :waiting_for"
        unit.session.execute(text(wait), {"waiting_for": WAITING_FOR})
    return url


def test_waiting_jobs_are_named_in_job_health_gauge_and_command(
    job_url: str,
    operator: httpx.Client,
    unauthenticated: httpx.Client,
    app: FastAPI,
    sessions: Sessions,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert operator.get(job_url).json()["waitingFor"] == WAITING_FOR
    sleep(FRESH_SECONDS)  # a check just before had no job that waits
    health = unauthenticated.get("/health")
    assert health.status_code == 200
    jobs = health.json()["details"]["jobs"]
    assert (health.json()["status"], jobs["status"]) == ("DEGRADED", "DOWN")
    assert jobs["reason"] == f"waiting for the {WAITING_FOR}"
    assert samples(app.state.metrics.registry, "toetsfeedback_waiting_items") == {WAITING_FOR: 1}
    with UnitOfWork(sessions) as unit:
        job, counts = service.read(unit.session, UUID(job_url.rpartition("/")[2]))
    print_jobs([JobProgress(job, counts, None)])
    assert f"queued, waiting for the {WAITING_FOR}" in capsys.readouterr().out


def test_nothing_is_named_while_no_job_waits(
    unauthenticated: httpx.Client, app: FastAPI, operator: httpx.Client
) -> None:
    sleep(FRESH_SECONDS)  # an earlier test had a job that waits
    assert unauthenticated.get("/health").json()["details"]["jobs"]["status"] == "UP"
    assert samples(app.state.metrics.registry, "toetsfeedback_waiting_items") == {}
    assert "waitingFor" not in str(operator.get("/v1/jobs").json())
