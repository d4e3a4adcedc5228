"""Nothing that is put out by any process names a pupil, but the answers that are about pupils."""

import re
import time
from collections import defaultdict
from dataclasses import dataclass, field
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
from shared.jobs.rules import BUILD_DOCUMENTS, KINDS
from tests.api.oauth_clients import OAuthClient
from tests.deliveries.delivery_files import DeliveryFiles, full, insz
from tests.journeys.conftest import JOB_SECONDS, Instance
from tests.operations import Operation, operations_of

pytestmark = [pytest.mark.journey, pytest.mark.xdist_group("marks")]

NAME, STAMNUMMER, NUMBER = "Vandermarkeer", "7654321", insz("851231123")
MARKS = re.compile(rf"vandermark|{STAMNUMMER}|{NUMBER[:9]}".encode(), re.IGNORECASE)
UNDRAWABLE = "\N{CJK UNIFIED IDEOGRAPH-4E00}"
SCHOOL, OTHER, ADMINISTRATION = "000028", "007947", "2024"

NAMES_PUPILS = {
    "listSchoolStudents",
    "getStudent",
    "listSchoolDocuments",
    "getDocument",
    "getDocumentContent",
    "headDocumentContent",
    "useDownloadGrant",
}
"""What a school may read of its own pupils, the name of a fiche's file among it."""

KEPT = (
    "jobs",
    "job_items",
    "job_failures",
    "deliveries",
    "audit_events",
    "mandates",
    "stored_responses",
)


@dataclass
class Answers:
    """Which operations came to something, and which answers they should not have been."""

    driven: set[str] = field(default_factory=set)
    leaks: list[str] = field(default_factory=list)

    def note(
        self, operation: str, who: str, answer: httpx.Response, *, is_echo: bool = False
    ) -> None:
        """An answer that is an echo may repeat what was asked, such as its own address."""
        is_done = answer.is_success or answer.is_redirect
        if is_done or answer.status_code == httpx.codes.CONFLICT:
            self.driven.add(operation)
        if is_done and who == "school" and operation in NAMES_PUPILS:
            return
        head = "\n".join(f"{name}: {value}" for name, value in answer.headers.items())
        body = b"" if is_done and is_echo else answer.content
        if MARKS.search(head.encode() + body):
            self.leaks.append(f"{operation} for {who}: {answer.status_code}")


def delivery() -> DeliveryFiles:
    marked = full()
    marked.add("students.csv", "s8", SCHOOL, "4A", NAME, f"{NAME}ke", STAMNUMMER, NUMBER)
    marked.add("students.csv", "s9", SCHOOL, "4A", f"{NAME}{UNDRAWABLE}", NAME, "", "")
    for student in ("s8", "s9"):
        marked.add("results.csv", student, "LEZ4", "reported", "C", "")
    return marked


def wrong_delivery() -> DeliveryFiles:
    """With a name, a stamnummer and an INSZ where none of them should be."""
    wrong = full(2)
    wrong.rows["students.csv"] += [[NAME, SCHOOL, NUMBER, NAME, NAME, NAME, NAME]]
    for column in range(5):
        for mark in (NAME, STAMNUMMER, NUMBER):
            row = ["s1", "LEZ4", "reported", "C", "1"]
            wrong.rows["results.csv"].append([*row[:column], mark, *row[column + 1 :]])
    return wrong


def ended(operator: httpx.Client, answer: httpx.Response) -> dict[str, Any]:
    """The job that an answer started, once it has ended, well or badly."""
    deadline = time.monotonic() + JOB_SECONDS
    while time.monotonic() < deadline:
        job: dict[str, Any] = operator.get(answer.headers["Location"]).json()
        if job["status"]["state"] != "processing":
            return job
        time.sleep(0.1)
    raise AssertionError(f"{answer.headers['Location']} did not end")


def handed_over(operator: httpx.Client, file: Path) -> dict[str, Any]:
    headers = {"Content-Type": "application/zip"}
    answer = operator.post("/v1/deliveries", content=file.read_bytes(), headers=headers)
    return ended(operator, answer)


@pytest.fixture(scope="module")
def callers(instance: Instance) -> dict[str, httpx.Client]:
    return {
        "school": instance.school(SCHOOL),
        "other": instance.school(OTHER),
        "operator": instance.operator(),
        "nobody": instance.client(),
    }


@pytest.fixture(scope="module")
def ids(
    callers: dict[str, httpx.Client], tmp_path_factory: pytest.TempPathFactory
) -> dict[str, str]:
    """Marked pupils are delivered, built and released; what leads to each of the things made."""
    operator, school = callers["operator"], callers["school"]
    directory = tmp_path_factory.mktemp("marks")
    applied = handed_over(operator, delivery().pack(directory / "right.zip"))
    refused = handed_over(operator, wrong_delivery().pack(directory / "wrong.zip"))
    order = {"kind": BUILD_DOCUMENTS, "administrationId": ADMINISTRATION}
    built = ended(
        operator, operator.post("/v1/jobs", json=order, headers={"Idempotency-Key": str(uuid4())})
    )
    states = [job["status"]["state"] for job in (applied, refused, built)]
    assert (states, built["counts"]["failures"]) == (["done", "failed", "done"], 1)
    opened = {"administrationId": ADMINISTRATION, "opensAt": "2024-06-21T07:00:00Z"}
    window = operator.post("/v1/releaseWindows", json=opened).json()
    pupils = school.get(f"/v1/schools/{SCHOOL}/students").json()["items"]
    (pupil,) = [one["id"] for one in pupils if one["givenName"] == f"{NAME}ke"]
    of_pupil = {"studentId": pupil, "kind": "fiche"}
    (fiche,) = school.get(f"/v1/schools/{SCHOOL}/documents", params=of_pupil).json()["items"]
    lent = school.post(f"{fiche['href']}/grants").json()["href"]
    key = ECKey.generate_key("P-256")
    new = {"name": "vendor", "kind": "integrator", "keys": [key.as_dict(private=False)]}
    vendor = operator.post("/v1/clients", json=new).json()
    mandate = {"clientId": vendor["id"], "products": ["studentFeedback"], "purpose": "Report book"}
    given = school.post("/v1/mandates", json=mandate | {"until": "2099-01-01"}).json()
    return {
        "administrationId": ADMINISTRATION,
        "asset_name": "start.js",
        "clientId": vendor["id"],
        "component": "KAL4",
        "day": "2099-01-01",
        "deliveryId": refused["subject"],
        "documentId": fiche["id"],
        "jobId": built["href"].rpartition("/")[2],
        "keyId": key.thumbprint(),
        "mandateId": given["id"],
        "name": "vendor",
        "schoolId": SCHOOL,
        "secret": lent.rpartition("/")[2],
        "studentId": pupil,
        "windowId": window["id"],
    }


def marked(operation: Operation) -> dict[str, Any]:
    """The same request with the name of a pupil wherever there is room for it."""
    request = operation.request(defaultdict(lambda: NAME, administrationId=ADMINISTRATION))
    if "json" in request:
        request["json"] = dict.fromkeys(request["json"], NAME)
    headers = ("Range", "If-None-Match", "User-Agent", "Referer", "X-Forwarded-For")
    request["headers"] = dict.fromkeys(
        (*headers, "BelGov-Trace-Id", "Content-Type", "Idempotency-Key"), NAME
    )
    return request | {"params": {"classGroup": NAME, "studentId": NUMBER, "pageSize": STAMNUMMER}}


def drive_tokens(operator: httpx.Client, answers: Answers) -> None:
    """A client that an operator registers asks for a token, asks about it, and takes it back."""
    key = ECKey.generate_key("P-256")
    new = {"name": "a machine", "kind": "integrator", "keys": [key.as_dict(private=False)]}
    machine = OAuthClient(str(operator.base_url).rstrip("/"), "", key)
    machine.id = operator.post("/v1/clients", json=new).json()["id"]
    issued = machine.ask()
    answers.note("issueToken", "client", issued)
    for name, path in (("introspectToken", "introspect"), ("revokeToken", "revoke")):
        token = issued.json()["access_token"]
        answers.note(name, "client", machine.post(f"/oauth2/{path}", token=token))
        answers.note(name, "client", machine.post(f"/oauth2/{path}", token=NAME, scope=NAME))


@pytest.fixture(scope="module")
def answers(callers: dict[str, httpx.Client], ids: dict[str, str]) -> Answers:
    """Every operation, asked by everybody: as it should be, and with names all over it."""
    answers = Answers()
    drive_tokens(callers["operator"], answers)
    callers["stranger"] = httpx.Client(
        base_url=callers["nobody"].base_url, headers={"Authorization": f"DPoP {NAME}"}
    )
    for operation in operations_of(build_app()).values():
        for who, client in callers.items():
            answers.note(operation.name, who, client.request(**operation.request(ids)))
            echo = client.request(**marked(operation))
            answers.note(operation.name, who, echo, is_echo=True)
    callers["stranger"].close()
    return answers


def test_every_route_and_every_kind_of_job_was_driven(answers: Answers, instance: Instance) -> None:
    assert set(operations_of(build_app())) - answers.driven == set()
    settings = settings_for(instance.data, "owner")
    with sessions_of(settings) as sessions, UnitOfWork(sessions) as unit:
        assert set(unit.session.scalars(text("select kind from jobs"))) == set(KINDS)


def test_no_answer_names_a_pupil_but_to_its_school(answers: Answers) -> None:
    assert answers.leaks == []


@pytest.mark.usefixtures("answers")
def test_no_log_names_a_pupil(instance: Instance) -> None:
    logs = [*(instance.data / "logs").glob("*.log"), instance.data.with_suffix(".log")]
    assert sum(log.stat().st_size for log in logs) > 0
    assert [log.name for log in logs if MARKS.search(log.read_bytes())] == []


@pytest.mark.usefixtures("answers")
def test_nothing_that_is_kept_beside_the_results_names_a_pupil(instance: Instance) -> None:
    settings = settings_for(instance.data, "owner")
    with sessions_of(settings) as sessions, UnitOfWork(sessions) as unit:
        for table in KEPT:
            rows = unit.session.scalars(text(f"select row::text from {table} as row")).all()
            assert rows, table
            assert not MARKS.search("\n".join(rows).encode()), table
    redis = Redis.from_url(settings.redis_url.get_secret_value())
    assert not any(MARKS.search(key + (redis.dump(key) or b"")) for key in redis.scan_iter())
    objects = Path(settings.storage_url.removeprefix("file://")).rglob("*")
    assert not MARKS.search("\n".join(map(str, objects)).encode())
