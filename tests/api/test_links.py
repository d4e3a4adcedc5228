"""Links start with the public URL of the API, whatever a request contains."""

import re
from collections.abc import Iterator

import httpx
import pytest
from fastapi import FastAPI

from shared.access.rules import CallerKind
from tests.api.conftest import Callers
from tests.api.seeding import ADMINISTRATION, SCHOOL, Seeded
from tests.operations import Operation, operations_of

pytestmark = pytest.mark.usefixtures("seeded", "open_now", "no_jobs", "no_windows")

HOSTILE = {
    "Host": "evil.example",
    "X-Forwarded-Host": "evil.example",
    "X-Forwarded-Proto": "gopher",
    "X-Forwarded-Port": "666",
    "X-Forwarded-Prefix": "/evil",
    "Forwarded": "host=evil.example;proto=gopher",
    "X-Original-URL": "/evil",
    "Origin": "http://evil.example",
    "Referer": "http://evil.example/",
}
ADDRESS = re.compile(r"[a-z]+://[^\s\"'<>]+")


def ids_of(seeded: Seeded, vendor: str) -> dict[str, str]:
    return {
        "administrationId": ADMINISTRATION,
        "changeId": vendor,
        "asset_name": "start.js",
        "clientId": vendor,
        "component": "SO2A-LEZ",
        "day": "2030-01-01",
        "manifestHash": "0" * 64,
        "openingId": vendor,
        "planVersion": "0" * 64,
        "recallId": vendor,
        "registrationId": vendor,
        "slotId": vendor,
        "dutyId": vendor,
        "successionId": vendor,
        "deliveryId": str(seeded.delivery),
        "documentId": str(seeded.documents["fiche"]),
        "jobId": str(seeded.job),
        "language": "fr",
        "name": "client of test_links",
        "schoolId": SCHOOL,
        "secret": "unknown",
        "studentId": str(seeded.students["first"]),
        "windowId": vendor,
    }


@pytest.fixture(scope="module")
def senders(callers: Callers) -> list[httpx.Client]:
    return [callers.school(), callers.client(callers.token(CallerKind.OPERATOR))]


def answers_to(
    senders: list[httpx.Client], operation: Operation, ids: dict[str, str]
) -> Iterator[httpx.Response]:
    for sender in senders:
        request = operation.request(ids)
        headers = HOSTILE | request.pop("headers", {})
        yield sender.request(**request, headers=headers)


def addresses_in(answer: httpx.Response) -> set[str]:
    found = {answer.headers[name] for name in ("Location",) if name in answer.headers}
    if "json" in answer.headers.get("Content-Type", ""):
        found.update(ADDRESS.findall(answer.text))
    return found


def test_every_link_starts_with_the_public_url(
    app: FastAPI, url: str, senders: list[httpx.Client], seeded: Seeded
) -> None:
    operations = operations_of(app)
    issuer = app.state.resources.issuer.authority.issuer
    ids = ids_of(seeded, "0195d2a4-7c1e-4b5a-9f00-abcdefabcdef")
    (answer,) = (
        answer
        for answer in answers_to(senders, operations["createClient"], ids)
        if answer.status_code == 201
    )
    ids["clientId"] = answer.json()["id"]
    mandate = next(answers_to(senders, operations["createMandate"], ids))
    assert mandate.status_code == 201, mandate.text
    declaration = next(answers_to(senders, operations["createDeclaration"], ids))
    assert declaration.status_code == 201, declaration.text
    ids |= {"mandateId": mandate.json()["id"], "keyId": "x" * 43}
    ids["declarationId"] = ids["handOverId"] = declaration.json()["id"]
    with_links = set()
    for name, operation in operations.items():
        if name in {"streamJobEvents", "getOpenapiDocument"}:
            continue
        for answer in answers_to(senders, operation, ids | {"name": f"client of {name}"}):
            assert "evil" not in answer.text + str(answer.headers), name
            assert "gopher" not in answer.text + str(answer.headers), name
            for address in addresses_in(answer):
                assert address == issuer or address.startswith(f"{url}/"), (name, address)
                with_links.add(name)
    assert with_links >= {
        "listSchools",
        "getSchool",
        "listSchoolStudents",
        "searchSchoolStudents",
        "getStudent",
        "listSchoolResults",
        "listStudentResults",
        "listSchoolDocuments",
        "listSchoolHandOutEntries",
        "listSchoolSupersededDocuments",
        "getDocument",
        "createDownloadGrant",
        "listSchoolHandOvers",
        "listDeclarations",
        "getDeclaration",
        "withdrawDeclaration",
        "createJob",
        "getJob",
        "getJobResult",
        "listJobs",
        "getDelivery",
        "listReleaseWindows",
        "listReleasePlans",
        "getReleasePlan",
        "listMandates",
        "getMandate",
        "shortenMandate",
        "revokeMandate",
        "listClients",
        "changeClient",
        "listAuditEvents",
        "getMetadata",
    }


def test_stored_response_has_no_address_of_the_request(operator: httpx.Client, url: str) -> None:
    body = {"kind": "documents.build", "administrationId": ADMINISTRATION, "schoolId": SCHOOL}
    answers = [
        operator.post("/v1/jobs", json=body, headers=headers | {"Idempotency-Key": "links"})
        for headers in (HOSTILE, {})
    ]
    assert {answer.status_code for answer in answers} == {202}
    assert len({answer.headers["Location"] for answer in answers}) == 1
    assert answers[1].headers["Location"].startswith(f"{url}/v1/jobs/")


def test_pages_link_to_each_other_at_the_public_url(school: httpx.Client, url: str) -> None:
    query = {"pageSize": "1", "classGroup": "2 A"}
    answer = school.get(f"/v1/schools/{SCHOOL}/students", params=query, headers=HOSTILE)
    page = answer.json()
    assert page["self"] == f"{url}/v1/schools/{SCHOOL}/students?pageSize=1&classGroup=2+A"
    path = f"/v1/schools/{SCHOOL}/students?pageSize=1"
    page = school.get(path, headers=HOSTILE).json()
    assert page["next"].startswith(f"{url}/v1/schools/{SCHOOL}/students?pageSize=1&after=")
    assert school.get(page["next"]).json()["self"] == page["next"]
