"""No response, log or store contains personal data, except responses to the student's school."""

import re
import time
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from joserfc.jwk import ECKey
from redis import Redis
from sqlalchemy import text

from services.api.app import build_app
from services.cli.target import sessions_of, settings_for
from shared.core.unit_of_work import UnitOfWork
from shared.jobs.rules import BUILD_DOCUMENTS, COMPUTE_FEEDBACK, KINDS
from tests.api.oauth_clients import OAuthClient
from tests.deliveries.delivery_files import DeliveryFiles, full, insz
from tests.journeys.conftest import JOB_SECONDS, Instance
from tests.journeys.released import confirm_once, release
from tests.journeys.viewing_rows import prepare_viewing, register_officer
from tests.operations import SCHOOL_YEAR, Operation, operations_of

pytestmark = [pytest.mark.journey, pytest.mark.xdist_group("personal_data")]
pytestmark += [pytest.mark.timeout(600)]  # the release of two products takes two minutes

NAME, STAMNUMMER, NUMBER = "Vandermarkeer", "7654321", insz("851231123")
PERSONAL = re.compile(rf"vandermark|{STAMNUMMER}|{NUMBER[:9]}".encode(), re.IGNORECASE)
UNDRAWABLE = "\N{CJK UNIFIED IDEOGRAPH-4E00}"
SCHOOL, OTHER, ADMINISTRATION = "000028", "007947", "2024"

NAMES_STUDENTS = {
    "listSchoolStudents",
    "searchSchoolStudents",
    "getStudent",
    "listSchoolDocuments",
    "listSchoolHandOutEntries",
    "getDocument",
    "listSchoolHandOvers",
    "getDocumentContent",
    "headDocumentContent",
    "useDownloadGrant",
    "listViewingRegistrations",
    "createViewingRegistration",
    *(f"{verb}ViewingRegistration" for verb in ("get", "move", "cancel")),
    "acceptViewingOffer",
    "lookUpRegistration",
    "listDeskRegistrations",
    *(f"{verb}DeskRegistration" for verb in ("open", "close", "annul")),
}
"""The operations that return names of students to their school, also in the name of a file, or to
the viewing officer at whose desk they are."""

PREDECESSOR = "900000"
STORED_TABLES = (
    *("jobs", "job_items", "job_failures", "deliveries"),
    "audit_events",
    "pending_audit_events",
    *("mandates", "hand_overs", "hand_over_withdrawals"),
    *("declarations", "declaration_withdrawals"),
    "stored_responses",
    *("school_feedback_snapshots", "school_feedback_members"),
    *("missing_fiches", "superseded_documents", "document_downloads"),
    *("viewing_slots", "viewing_school_days", "viewing_duties"),
    *("viewing_registrations", "viewing_confirmations"),
)


@dataclass
class Responses:
    """The operations that succeeded, and the responses that contain personal data."""

    called: set[str] = field(default_factory=set)
    leaks: list[str] = field(default_factory=list)

    def record(
        self, operation: str, caller: str, response: httpx.Response, *, is_echo: bool = False
    ) -> None:
        """Record a response; one that is an echo may contain values of its request."""
        is_done = response.is_success or response.is_redirect
        if is_done or response.status_code == httpx.codes.CONFLICT:
            self.called.add(operation)
        if is_done and caller in {"school", "officer"} and operation in NAMES_STUDENTS:
            return
        head = "\n".join(f"{name}: {value}" for name, value in response.headers.items())
        body = b"" if is_done and is_echo else response.content
        if PERSONAL.search(head.encode() + body):
            self.leaks.append(f"{operation} for {caller}: {response.status_code}")


def delivery() -> DeliveryFiles:
    valid = full()
    valid.add("students.csv", "s8", SCHOOL, "4A", NAME, f"{NAME}ke", STAMNUMMER, NUMBER)
    valid.add("students.csv", "s9", SCHOOL, "4A", f"{NAME}{UNDRAWABLE}", NAME, "", "")
    for student in ("s8", "s9"):
        valid.add("results.csv", student, "LEZ4", "reported", "C", "")
        valid.add("item_results.csv", student, "LEZ4", "1", "1")
        valid.add("item_results.csv", student, "LEZ4", "2", "0")
    return valid


def invalid_delivery() -> DeliveryFiles:
    """Return a delivery with a name, a stamnummer and an INSZ in wrong columns."""
    invalid = full(2)
    invalid.rows["students.csv"] += [[NAME, SCHOOL, NUMBER, NAME, NAME, NAME, NAME]]
    for column in range(5):
        for value in (NAME, STAMNUMMER, NUMBER):
            row = ["s1", "LEZ4", "reported", "C", "1"]
            invalid.rows["results.csv"].append([*row[:column], value, *row[column + 1 :]])
    return invalid


def wait_for_end(operator: httpx.Client, response: httpx.Response) -> dict[str, Any]:
    """Return the job that a response started, once it has ended."""
    deadline = time.monotonic() + JOB_SECONDS
    while time.monotonic() < deadline:
        job: dict[str, Any] = operator.get(response.headers["Location"]).json()
        if job["status"]["state"] != "processing":
            return job
        time.sleep(0.1)
    raise AssertionError(f"{response.headers['Location']} did not end")


def submit_delivery(operator: httpx.Client, file: Path) -> dict[str, Any]:
    headers = {"Content-Type": "application/zip"}
    response = operator.post("/v1/deliveries", content=file.read_bytes(), headers=headers)
    return wait_for_end(operator, response)


@pytest.fixture(scope="module")
def callers(instance: Instance) -> dict[str, httpx.Client]:
    return {
        "school": instance.school(SCHOOL),
        "other": instance.school(OTHER),
        "operator": instance.operator(),
        "colleague": instance.operator(person=2),
        "no token": instance.client(),
    }


@pytest.fixture(scope="module")
def ids(
    instance: Instance,
    callers: dict[str, httpx.Client],
    tmp_path_factory: pytest.TempPathFactory,
) -> dict[str, str]:
    """Deliver, build and release documents of students with known personal data; return the ids."""
    operator, school = callers["operator"], callers["school"]
    directory = tmp_path_factory.mktemp("personal-data")
    applied = submit_delivery(operator, delivery().pack(directory / "valid.zip"))
    refused = submit_delivery(operator, invalid_delivery().pack(directory / "invalid.zip"))

    def run(kind: str) -> dict[str, Any]:
        order = {"kind": kind, "administrationId": ADMINISTRATION}
        headers = {"Idempotency-Key": str(uuid4())}
        return wait_for_end(operator, operator.post("/v1/jobs", json=order, headers=headers))

    computed, built = run(COMPUTE_FEEDBACK), run(BUILD_DOCUMENTS)
    states = [job["status"]["state"] for job in (applied, refused, built, computed)]
    assert (states, built["counts"]["failures"]) == (["done", "failed", "done", "done"], 1)
    plan = release(instance, operator)
    students = school.get(f"/v1/schools/{SCHOOL}/students").json()["items"]
    (student,) = [one["id"] for one in students if one["givenName"] == f"{NAME}ke"]
    of_student = {"studentId": student, "kind": "fiche"}
    (fiche,) = school.get(f"/v1/schools/{SCHOOL}/documents", params=of_student).json()["items"]
    download_grant = school.post(f"{fiche['href']}/grants").json()["href"]
    key = ECKey.generate_key("P-256")
    new = new_client("vendor", key)
    vendor = operator.post("/v1/clients", json=new).json()
    mandate = {"clientId": vendor["id"], "products": ["studentFeedback"], "purpose": "Report book"}
    change = {"kind": "addKey", "clientId": vendor["id"], "keys": new["keys"]}
    requested = operator.post("/v1/clientChanges", json=change).json()
    officer, callers["officer"] = register_officer(instance, callers["colleague"])
    viewing = prepare_viewing(instance, operator, officer, student)
    until = datetime.now(UTC).date() + timedelta(days=300)
    given = school.post("/v1/mandates", json=mandate | {"until": str(until)}).json()
    handed_over = {"administrationId": ADMINISTRATION, "classGroup": "4A", "means": "printed"}
    hand_overs = school.post("/v1/handOvers", json=handed_over).json()["handOverIds"]
    declared = school.post("/v1/declarations", json={"schoolYear": SCHOOL_YEAR}).json()
    succession = confirm_once(instance, operator, PREDECESSOR, SCHOOL)
    return {
        "administrationId": ADMINISTRATION,
        "asset_name": "start.js",
        "changeId": requested["id"],
        "clientId": vendor["id"],
        "component": "KAL4",
        "day": str(until - timedelta(days=100)),
        "declarationId": declared["id"],
        "deliveryId": refused["subject"],
        "documentId": fiche["id"],
        "handOverId": hand_overs[0],
        "jobId": built["href"].rpartition("/")[2],
        "keyId": key.thumbprint(),
        "language": "nl",
        "mandateId": given["id"],
        "name": "vendor",
        "predecessorId": PREDECESSOR,
        "schoolId": SCHOOL,
        "secret": download_grant.rpartition("/")[2],
        "studentId": student,
        "successionId": succession,
        **plan,
        **viewing,
    }


def new_client(name: str, key: ECKey) -> dict[str, Any]:
    public = key.as_dict(private=False)
    return {"name": name, "kind": "integrator", "scopes": ["results:read"], "keys": [public]}


def with_personal_data(operation: Operation) -> dict[str, Any]:
    """Return the request with a name of a student in every value and header."""
    request = operation.request(defaultdict(lambda: NAME, administrationId=ADMINISTRATION))
    if "json" in request:
        request["json"] = dict.fromkeys(request["json"], NAME)
    headers = ("Range", "If-None-Match", "User-Agent", "Referer", "X-Forwarded-For")
    request["headers"] = dict.fromkeys(
        (*headers, "BelGov-Trace-Id", "Content-Type", "Idempotency-Key"), NAME
    )
    return request | {"params": {"classGroup": NAME, "studentId": NUMBER, "pageSize": STAMNUMMER}}


def call_token_operations(operator: httpx.Client, responses: Responses) -> None:
    """Register a client, then change its keys, and issue, introspect and revoke its token."""
    key = ECKey.generate_key("P-256")
    new = new_client("a machine", key)
    machine = OAuthClient(str(operator.base_url).rstrip("/"), "", key)
    machine.id = operator.post("/v1/clients", json=new).json()["id"]
    added = machine.add_key(ECKey.generate_key("P-256"))
    responses.record("addOwnKey", "client", added)
    issued = machine.request_token()
    responses.record("issueToken", "client", issued)
    for name, path in (("introspectToken", "introspect"), ("revokeToken", "revoke")):
        token = issued.json()["access_token"]
        responses.record(name, "client", machine.post(f"/oauth2/{path}", token=token))
        responses.record(name, "client", machine.post(f"/oauth2/{path}", token=NAME, scope=NAME))
    removed = machine.remove_key(key.thumbprint())
    responses.record("removeOwnKey", "client", removed)


@pytest.fixture(scope="module")
def responses(callers: dict[str, httpx.Client], ids: dict[str, str]) -> Responses:
    """Call every operation as every caller, with valid requests and with personal data in them."""
    responses = Responses()
    call_token_operations(callers["operator"], responses)
    callers["unauthenticated"] = httpx.Client(
        base_url=callers["no token"].base_url, headers={"Authorization": f"DPoP {NAME}"}
    )
    for operation in operations_of(build_app()).values():
        for caller, client in callers.items():
            responses.record(operation.name, caller, client.request(**operation.request(ids)))
            echo = client.request(**with_personal_data(operation))
            responses.record(operation.name, caller, echo, is_echo=True)
    callers["unauthenticated"].close()
    return responses


def test_every_operation_and_job_kind_was_called(responses: Responses, instance: Instance) -> None:
    assert set(operations_of(build_app())) - responses.called == set()
    settings = settings_for(instance.data, "owner")
    with sessions_of(settings) as sessions, UnitOfWork(sessions) as unit:
        assert set(unit.session.scalars(text("select kind from jobs"))) == set(KINDS)


def test_only_responses_to_its_school_name_a_student(responses: Responses) -> None:
    assert responses.leaks == []


@pytest.mark.usefixtures("responses")
def test_no_log_names_a_student(instance: Instance) -> None:
    logs = [*(instance.data / "logs").glob("*.log"), instance.data.with_suffix(".log")]
    assert sum(log.stat().st_size for log in logs) > 0
    assert [log.name for log in logs if PERSONAL.search(log.read_bytes())] == []


@pytest.mark.usefixtures("responses")
def test_no_other_store_names_a_student(instance: Instance) -> None:
    settings = settings_for(instance.data, "owner")
    with sessions_of(settings) as sessions, UnitOfWork(sessions) as unit:
        for table in STORED_TABLES:
            rows = unit.session.scalars(text(f"select row::text from {table} as row")).all()
            assert rows or table == "pending_audit_events", table  # a worker empties it
            assert not PERSONAL.search("\n".join(rows).encode()), table
    redis = Redis.from_url(settings.redis_url.get_secret_value())
    assert not any(PERSONAL.search(key + (redis.dump(key) or b"")) for key in redis.scan_iter())
    objects = Path(settings.storage_url.removeprefix("file://")).rglob("*")
    assert not PERSONAL.search("\n".join(map(str, objects)).encode())
