"""UUIDs in requests have one form, and the audit log contains no other."""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote
from uuid import UUID, uuid4

import httpx
import pytest
from fastapi import FastAPI

from shared.core.database import Sessions
from shared.core.identifiers import canonical_uuid
from shared.oauth.clients.rules import ClientKind, registered_id
from tests.api.conftest import AuditLog
from tests.api.oauth_clients import register_client
from tests.api.seeding import SCHOOL, Seeded
from tests.operations import operations_of

pytestmark = pytest.mark.usefixtures("seeded", "open_now")

SPELLINGS: dict[str, Callable[[UUID], str]] = {
    "capitals": lambda id_: str(id_).upper(),
    "no hyphens": lambda id_: id_.hex,
    "braces": lambda id_: f"{{{id_}}}",
    "urn": lambda id_: id_.urn,
    "hyphens elsewhere": lambda id_: f"{id_.hex[:1]}-{id_.hex[1:]}",
    "a line break": lambda id_: f"{id_}\n",
}
ID = UUID("0195d2a4-7c1e-4b5a-9f00-abcdefabcdef")


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_only_the_canonical_form_is_a_uuid(spelling: str) -> None:
    assert canonical_uuid(str(ID)) == ID
    assert canonical_uuid(SPELLINGS[spelling](ID)) is None
    assert registered_id(SPELLINGS[spelling](ID)) is None


def without_trace_id(answer: httpx.Response) -> tuple[int, dict[str, str], bytes]:
    trace_id = answer.headers["BelGov-Trace-Id"]
    varying = {"date", "belgov-trace-id", "dpop-nonce", "ratelimit"}
    headers = {name: text for name, text in answer.headers.items() if name not in varying}
    return answer.status_code, headers, answer.content.replace(trace_id.encode(), b"")


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_other_form_in_a_path_gets_the_response_to_an_unknown_id(
    school: httpx.Client, seeded: Seeded, audit_log: AuditLog, spelling: str
) -> None:
    paths = {
        "/v1/documents/{}/content": seeded.documents["fiche"],
        "/v1/documents/{}": seeded.documents["fiche"],
        "/v1/students/{}/results": seeded.students["first"],
    }
    for path, id_ in paths.items():
        assert school.get(path.format(id_)).status_code == 200
        other_form = school.get(path.format(quote(SPELLINGS[spelling](id_), safe="")))
        unknown = school.get(path.format(uuid4()))
        assert other_form.status_code == 404
        assert without_trace_id(other_form) == without_trace_id(unknown)
    recorded = [entry for entry in audit_log.entries() if "{" in entry["resource"]]
    assert {(entry["outcome"], entry["rule"]) for entry in recorded} == {("refused", "reach")}
    assert len(recorded) == len(paths)


SCHOOL_NUMBERS = [
    "0000%2F28",
    "%2F",
    "000028%2Fstudents",
    "%00",
    "%C3%A9",
    "28",
    "00%3028",
    "٠٠٠٠٢٨",
]


@pytest.mark.parametrize("number", SCHOOL_NUMBERS)
@pytest.mark.parametrize("path", ["/v1/schools/{}", "/v1/schools/{}/students"])
def test_other_form_of_a_school_number_gets_the_response_to_an_unknown_school(
    school: httpx.Client, unauthenticated: httpx.Client, path: str, number: str
) -> None:
    for client, status in ((school, 404), (unauthenticated, 401)):
        answer, unknown = (client.get(path.format(form)) for form in (number, "999999"))
        assert answer.status_code == status
        assert without_trace_id(answer) == without_trace_id(unknown)


@pytest.mark.parametrize("other_form", [ID.hex, "a%2Fb", "%00"])
def test_every_operation_refuses_other_forms_in_its_path(
    operator: httpx.Client, school: httpx.Client, app: FastAPI, other_form: str
) -> None:
    checked = 0
    for name, operation in operations_of(app).items():
        names = {*re.findall(r"{(\w+Id)}", operation.path)} - {"administrationId"}
        if not names:
            continue
        ids: dict[str, Any] = dict.fromkeys(names, other_form)
        more: dict[str, str] = {
            "administrationId": "2024",
            "day": "2030-01-01",
            "name": f"client {uuid4()}",
            "slotId": str(uuid4()),
            "studentId": str(uuid4()),
        }
        more |= dict.fromkeys(("manifestHash", "planVersion"), "0" * 64)
        request = operation.request(more | ids)
        statuses = {client.request(**request).status_code for client in (operator, school)}
        assert statuses <= {404, 403}, name
        is_of_desk = "/desk/" in operation.path  # of officers alone
        assert (403 if is_of_desk else 404) in statuses, name
        checked += 1
    assert checked > 20


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_other_form_in_a_query_is_an_invalid_parameter(
    school: httpx.Client, seeded: Seeded, spelling: str
) -> None:
    queries = {
        "/v1/auditEvents": ("studentId", "documentId"),
        f"/v1/schools/{SCHOOL}/documents": ("studentId",),
    }
    text = SPELLINGS[spelling](seeded.students["first"])
    for path, names in queries.items():
        for name in names:
            answer = school.get(path, params={name: text})
            assert answer.status_code == 400
            (issue,) = answer.json()["issues"]
            assert (issue["in"], issue["name"]) == ("query", name)
            assert issue["detail"] == "Must be a UUID in lower case with hyphens."


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_other_form_of_a_client_in_a_mandate_is_an_invalid_property(
    school: httpx.Client, url: str, sessions: Sessions, spelling: str
) -> None:
    vendor = UUID(register_client(sessions, url, ClientKind.INTEGRATOR).id)
    body = {
        "products": ["studentFeedback"],
        "until": str(datetime.now(UTC).date()),
        "purpose": "Report book",
    }
    answer = school.post("/v1/mandates", json=body | {"clientId": SPELLINGS[spelling](vendor)})
    assert answer.status_code == 400
    assert [issue["name"] for issue in answer.json()["issues"]] == ["/clientId"]


def test_search_in_the_audit_log_finds_every_read_of_a_student(
    school: httpx.Client, seeded: Seeded, audit_log: AuditLog
) -> None:
    student = seeded.students["first"]
    forms = [str(student), *(quote(spell(student), safe="") for spell in SPELLINGS.values())]
    statuses = [school.get(f"/v1/students/{form}/results").status_code for form in forms]
    found = school.get("/v1/auditEvents", params={"studentId": str(student)}).json()["items"]
    allowed = [entry for entry in audit_log.entries() if entry["outcome"] == "allowed"]
    reads = [entry for entry in allowed if entry["action"] == "listStudentResults"]
    assert statuses.count(200) == len(reads) == 1
    assert {entry["resource"] for entry in reads} == {f"/v1/students/{student}/results"}
    assert found[0]["resource"] == f"/v1/students/{student}/results"
