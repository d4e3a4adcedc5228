"""One request can be followed from the log of the API, through its job, to the log of a worker."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest
import structlog
from sqlalchemy.exc import OperationalError
from structlog.testing import capture_logs

from services.api.app import create_app
from services.worker.execution import Execution, Handler, HandlerResult
from shared.access.rules import CallerKind
from shared.core.database import Sessions
from shared.core.settings import Settings
from shared.core.unit_of_work import UnitOfWork
from shared.jobs.claims import Claim
from shared.jobs.models import Job
from shared.jobs.queue import WakeUpQueue
from shared.jobs.rules import BUILD_DOCUMENTS
from shared.oauth.clients.rules import ClientKind
from tests.api.conftest import Callers, serve
from tests.api.oauth_clients import register_client
from tests.api.seeding import ADMINISTRATION, SCHOOL

NEW_JOB = {"kind": "documents.build", "administrationId": ADMINISTRATION, "schoolId": SCHOOL}
Lines = list[Any]


@contextmanager
def log_lines() -> Iterator[Lines]:
    with capture_logs(processors=[structlog.contextvars.merge_contextvars]) as lines:
        yield lines


@pytest.fixture
def execution(sessions: Sessions, queue: WakeUpQueue) -> Callable[[Handler], Execution]:
    def execution(handler: Handler) -> Execution:
        lease = timedelta(seconds=0.6)
        return Execution(sessions, queue, {BUILD_DOCUMENTS: handler}, lease, 1, 8)

    return execution


@pytest.mark.usefixtures("no_jobs")
def test_trace_id_of_a_request_is_in_every_line_of_its_items(
    api_settings: Settings,
    callers: Callers,
    sessions: Sessions,
    execution: Callable[[Handler], Execution],
) -> None:
    auth = callers.auth(callers.token(CallerKind.OPERATOR))
    with log_lines() as lines, serve(create_app(api_settings)) as url:
        response = httpx.post(f"{url}/v1/jobs", json=NEW_JOB, auth=auth)
    assert response.status_code == 202, response.text
    job_id, trace_id = response.json()["id"], response.headers["BelGov-Trace-Id"]
    (line,) = [line for line in lines if line.get("trace_id") == trace_id]
    assert (line["event"], line["job_id"]) == ("request", job_id)
    with UnitOfWork(sessions) as unit:
        assert unit.session.get_one(Job, UUID(job_id)).trace_id == trace_id

    def fail(_unit: UnitOfWork, _claim: Claim) -> HandlerResult:
        structlog.get_logger().info("handled")
        raise OperationalError("", {}, Exception())

    with log_lines() as lines:
        execution(fail).run()
    assert [line["event"] for line in lines] == [
        "handled",
        "job_item_attempt_failed",
        "job_item_attempted",
    ]
    for line in lines:
        assert (line["trace_id"], line["job_id"]) == (trace_id, job_id)
        assert line["item_id"]


@pytest.mark.usefixtures("no_jobs")
def test_trace_id_of_a_retry_is_its_own(
    operator: httpx.Client, sessions: Sessions, execution: Callable[[Handler], Execution]
) -> None:
    def fail(_unit: UnitOfWork, _claim: Claim) -> HandlerResult:
        raise ValueError

    started = operator.post("/v1/jobs", json=NEW_JOB)
    execution(fail).run()
    retried = operator.post(f"/v1/jobs/{started.json()['id']}/retry")
    assert retried.status_code == 202, retried.text
    with UnitOfWork(sessions) as unit:
        for response in (started, retried):
            job = unit.session.get_one(Job, UUID(response.json()["id"]))
            assert job.trace_id == response.headers["BelGov-Trace-Id"]


def test_request_for_a_token_is_logged_with_its_client(
    api_settings: Settings, sessions: Sessions, url: str
) -> None:
    client = register_client(sessions, url, ClientKind.OPERATOR)
    with log_lines() as lines, serve(create_app(api_settings)) as client.url:
        assert client.request_token().status_code == 200
        forged = client.post("/oauth2/token", grant_type="client_credentials", client_assertion="x")
        assert forged.status_code == 401
    logged = [line["client"] for line in lines if line.get("route") == "/oauth2/token"]
    assert logged == [client.id, client.id, None]
