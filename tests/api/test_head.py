"""`HEAD` responds as `GET` does, without a body."""

from uuid import uuid4

import httpx
import pytest
from fastapi import FastAPI

from services.api.http.head import WITHOUT_HEAD
from tests.api.conftest import AuditLog
from tests.api.seeding import ADMINISTRATION, SCHOOL, Seeded
from tests.operations import operations_of

VARYING = {"date", "belgov-trace-id", "dpop-nonce", "ratelimit", "ratelimit-policy"}
EVENTS = "/v1/jobs/{jobId}/events"


def headers_of(response: httpx.Response) -> dict[str, str]:
    """Return the headers that two responses to the same question share."""
    headers = response.headers.items()
    return {name: value for name, value in headers if name.lower() not in VARYING}


@pytest.fixture(scope="module")
def ids(seeded: Seeded) -> dict[str, str]:
    unknown = dict.fromkeys(
        (
            "clientId",
            "changeId",
            "declarationId",
            "mandateId",
            "windowId",
            "openingId",
            "recallId",
            "registrationId",
            "slotId",
            "dutyId",
            "successionId",
        ),
        str(uuid4()),
    )
    return unknown | {
        "administrationId": ADMINISTRATION,
        "asset_name": "swagger-ui.css",
        "deliveryId": str(seeded.delivery),
        "documentId": str(seeded.documents["fiche"]),
        "jobId": str(seeded.job),
        "language": "fr",
        "schoolId": SCHOOL,
        "studentId": str(seeded.students["first"]),
    }


@pytest.mark.usefixtures("open_now")
def test_head_has_the_headers_of_get(
    app: FastAPI, school: httpx.Client, operator: httpx.Client, ids: dict[str, str]
) -> None:
    reads = [one for one in operations_of(app).values() if one.method == "GET"]
    succeeded = set()
    for operation in reads:
        if operation.path in {*WITHOUT_HEAD, EVENTS}:
            continue
        for client in (school, operator):
            request = operation.request(ids)
            read = client.request(**request)
            head = client.request(**request | {"method": "HEAD"})
            assert (head.status_code, head.content) == (read.status_code, b""), operation.name
            expected = headers_of(read)
            if operation.name == "getDocumentContent":
                expected.pop("content-disposition", None)  # it has the name of a student
            assert headers_of(head) == expected, operation.name
            succeeded |= {operation.name} if read.is_success else set()
    assert len(succeeded) > len(reads) / 2
    assert {"checkHealth", "getKeys", "listSchools", "getStudent", "listJobs"} <= succeeded


def test_head_of_a_stream_ends_at_once(operator: httpx.Client, ids: dict[str, str]) -> None:
    response = operator.head(EVENTS.format_map(ids))
    assert response.status_code == 200
    assert response.headers["Content-Type"].startswith("text/event-stream")


def test_head_is_recorded_and_refused_as_get(
    school: httpx.Client, other: httpx.Client, ids: dict[str, str], audit_log: AuditLog
) -> None:
    path = "/v1/students/{studentId}".format_map(ids)
    assert school.head(path).status_code == 200
    assert other.head(path).status_code == 404
    assert [decision[2] for decision in audit_log.decisions()] == ["allowed", "refused"]


@pytest.mark.usefixtures("open_now")
def test_head_of_a_link_does_not_use_it_up(
    school: httpx.Client, unauthenticated: httpx.Client, ids: dict[str, str]
) -> None:
    link = school.post("/v1/documents/{documentId}/grants".format_map(ids)).json()["href"]
    refused = unauthenticated.head(link)
    assert (refused.status_code, refused.headers["Allow"]) == (405, "GET")
    assert unauthenticated.get(link).status_code == 200


def test_head_is_among_the_allowed_methods(school: httpx.Client) -> None:
    assert school.put("/v1/jobs").headers["Allow"] == "GET, HEAD, POST"
