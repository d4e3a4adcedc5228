from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from sqlalchemy import insert, select, update

from shared.core.database import Sessions
from shared.core.unit_of_work import UnitOfWork
from shared.jobs.models import Job, JobFailure, JobItem
from shared.jobs.service import end_when_complete
from tests.api.seeding import ADMINISTRATION, OTHER, SCHOOL

BUILD = {"kind": "documents.build", "administrationId": ADMINISTRATION}
PROBLEM = {"type": "urn:x", "title": "X", "status": 422, "detail": "It cannot be drawn."}

pytestmark = pytest.mark.usefixtures("no_jobs")


@pytest.fixture
def build(operator: httpx.Client) -> str:
    return operator.post("/v1/jobs", json=BUILD).headers["Location"]


def end_items(sessions: Sessions, location: str, **states: str) -> None:
    """End items of the job as a worker does; `states` are by school."""
    job_id = UUID(location.rpartition("/")[2])
    with UnitOfWork(sessions) as unit:
        for school, state in states.items():
            item = update(JobItem).where(JobItem.job_id == job_id)
            problem = PROBLEM if state == "failed" else None
            outcome = {"fiches": 3, "overviews": 1} if state == "done" else {}
            unit.session.execute(
                item.where(JobItem.subject == school.removeprefix("s")).values(
                    state=state, outcome=outcome, problem=problem
                )
            )
        end_when_complete(unit.session, job_id)


def test_build_is_accepted_and_can_be_polled(operator: httpx.Client) -> None:
    response = operator.post("/v1/jobs", json=BUILD)
    assert response.status_code == 202
    job = response.json()
    assert response.headers["Location"] == job["href"]
    assert job["counts"] == {
        "total": 2, "queued": 2, "running": 0, "done": 0, "failed": 0, "cancelled": 0,
        "failures": 0,
    }  # fmt: skip
    assert (job["kind"], job["subject"]) == ("documents.build", ADMINISTRATION)
    assert job["requestedBy"] == "a operator"
    followed = operator.get(job["href"])
    assert followed.status_code == 200
    status = followed.json()["status"]
    assert status["state"] == "processing"
    assert datetime.fromisoformat(status["pollAfter"]) > datetime.now(UTC)


def test_second_request_for_the_same_build_gets_the_active_job(
    operator: httpx.Client, build: str
) -> None:
    assert operator.post("/v1/jobs", json=BUILD).headers["Location"] == build
    of_school = operator.post("/v1/jobs", json=BUILD | {"schoolId": SCHOOL})
    assert of_school.headers["Location"] != build
    assert of_school.json()["counts"]["total"] == 1


def test_forced_build_is_another_job_than_an_incremental_one(
    operator: httpx.Client, build: str
) -> None:
    everything = operator.post("/v1/jobs", json=BUILD | {"force": True})
    assert everything.headers["Location"] != build
    assert everything.json()["subject"] == f"{ADMINISTRATION}/force"
    again = operator.post("/v1/jobs", json=BUILD | {"force": True})
    assert again.headers["Location"] == everything.headers["Location"]


def test_job_that_is_done_redirects_to_its_result(
    operator: httpx.Client, sessions: Sessions, build: str
) -> None:
    assert operator.get(f"{build}/result").status_code == 404
    end_items(sessions, build, s000028="done", s007947="done")
    response = operator.get(build)
    assert response.status_code == 303
    assert response.json()["status"]["state"] == "done"
    result = operator.get(response.headers["Location"])
    assert result.json() == {
        "self": f"{build}/result",
        "job": build,
        "documents": build.partition("/jobs/")[0] + f"/schools?administrationId={ADMINISTRATION}",
        "outcome": {"fiches": 6, "overviews": 2},
        "counts": response.json()["counts"],
    }


def test_job_with_only_failed_items_has_failed_and_can_be_retried(
    operator: httpx.Client, sessions: Sessions, build: str
) -> None:
    assert operator.post(f"{build}/retry").json()["type"].endswith(":jobActive")
    end_items(sessions, build, s000028="failed", s007947="failed")
    status = operator.get(build).json()["status"]
    assert (status["state"], status["problem"]["title"]) == ("failed", "Job Failed")
    failures = operator.get(f"{build}/failures").json()
    assert failures["total"] == 2
    assert failures["items"][0] == {"item": SCHOOL, "subject": SCHOOL, "problem": PROBLEM}
    again = operator.post(f"{build}/retry")
    assert again.status_code == 202
    assert again.headers["Location"] != build
    assert again.json()["counts"]["queued"] == 2


def test_result_of_one_school_links_to_its_documents(
    operator: httpx.Client, sessions: Sessions, school: httpx.Client
) -> None:
    build = operator.post("/v1/jobs", json=BUILD | {"schoolId": SCHOOL}).headers["Location"]
    end_items(sessions, build, s000028="done")
    documents = operator.get(f"{build}/result").json()["documents"]
    assert documents.endswith(f"/v1/schools/{SCHOOL}/documents?administrationId={ADMINISTRATION}")
    assert school.get(documents).status_code == 200
    assert operator.get(documents).status_code == 403


def test_job_of_one_item_has_the_problem_of_that_item(
    operator: httpx.Client, sessions: Sessions
) -> None:
    build = operator.post("/v1/jobs", json=BUILD | {"schoolId": OTHER}).headers["Location"]
    end_items(sessions, build, s007947="failed")
    assert operator.get(build).json()["status"]["problem"] == PROBLEM


def test_failures_within_done_items_are_counted_and_listed(
    operator: httpx.Client, sessions: Sessions, build: str
) -> None:
    fiche = str(uuid4())
    with UnitOfWork(sessions) as unit:
        items = select(JobItem.id).join(Job).where(JobItem.subject == SCHOOL)
        item = unit.session.scalars(items.where(Job.state == "queued")).one()
        unit.session.execute(
            insert(JobFailure).values(item_id=item, subject=fiche, problem=PROBLEM)
        )
    end_items(sessions, build, s000028="done", s007947="done")
    assert operator.get(build).json()["counts"]["failures"] == 1
    result = operator.get(f"{build}/result").json()
    assert result["problem"]["title"] == "Partly Failed"
    assert "0 of 2 items, and 1 parts" in result["problem"]["detail"]
    listed = operator.get("/v1/jobs").json()["items"][0]
    assert (listed["status"]["state"], listed["status"]["problem"]) == ("done", result["problem"])
    failures = operator.get(f"{build}/failures?pageSize=1").json()
    assert [(f["item"], f["subject"]) for f in failures["items"]] == [(SCHOOL, fiche)]
    assert operator.post(f"{build}/retry").json()["counts"]["total"] == 1


def test_job_can_be_cancelled_once(operator: httpx.Client, build: str) -> None:
    cancelled = operator.post(f"{build}/cancel")
    assert cancelled.status_code == 200
    assert cancelled.json()["counts"]["cancelled"] == 2
    assert cancelled.json()["status"]["problem"]["title"] == "Job Cancelled"
    assert operator.get(build).json()["status"]["state"] == "failed"
    again = operator.post(f"{build}/cancel")
    assert (again.status_code, again.json()["type"].rpartition(":")[2]) == (409, "jobEnded")


def test_jobs_are_listed_newest_first(operator: httpx.Client, build: str) -> None:
    newer = operator.post("/v1/jobs", json=BUILD | {"schoolId": SCHOOL}).headers["Location"]
    listed = operator.get("/v1/jobs").json()
    assert [job["href"] for job in listed["items"][:2]] == [newer, build]
    assert listed["items"][0]["subject"] == f"{ADMINISTRATION}/{SCHOOL}"


@pytest.mark.parametrize(
    ("body", "name"),
    [
        ({"administrationId": "2025"}, "/administrationId"),
        ({"schoolId": "111111"}, "/schoolId"),
        ({"schoolId": "28"}, "/schoolId"),
        ({"kind": "deliveries.apply"}, "/kind"),
    ],
)
def test_build_of_an_unknown_administration_or_school_is_rejected(
    operator: httpx.Client, body: dict[str, Any], name: str
) -> None:
    response = operator.post("/v1/jobs", json=BUILD | body)
    assert response.status_code == 400
    assert [issue["name"] for issue in response.json()["issues"]] == [name]


@pytest.mark.parametrize("suffix", ["", "/result", "/failures"])
def test_unknown_job_is_not_found(operator: httpx.Client, suffix: str) -> None:
    assert operator.get(f"/v1/jobs/{uuid4()}{suffix}").status_code == 404


def test_school_cannot_read_jobs(school: httpx.Client, build: str) -> None:
    for response in (
        school.get("/v1/jobs"),
        school.get(build),
        school.post("/v1/jobs", json=BUILD),
        school.post(f"{build}/cancel"),
    ):
        assert response.status_code == 403
