"""The access matrix: every cell of matrix.md, compared with a running API."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from itertools import count
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import delete, func, insert

from shared.access.products import Product
from shared.access.rules import GRANTABLE, Caller, CallerKind
from shared.client_changes.models import ClientChange, ClientChangeApproval
from shared.client_changes.repository import add_person
from shared.core.database import Base, Sessions
from shared.core.unit_of_work import UnitOfWork
from shared.documents.grants.models import DownloadGrant
from shared.jobs.models import Job, JobFailure, JobItem
from shared.mandates.models import Mandate
from shared.mandates.service import MandatePlan, give_mandate
from shared.oauth.clients.models import Client, ClientKey
from shared.oauth.clients.rules import ClientKind
from shared.releases.models import ReleaseWindow
from tests.api.conftest import Callers
from tests.api.matrix_callers import CALLERS, OPERATOR_ID, UNAUTHENTICATED, auth_of
from tests.api.oauth_clients import register_client
from tests.api.seeding import ADMINISTRATION, LONG_AGO, OTHER, SCHOOL, Seeded
from tests.callers import school_request
from tests.operations import Operation, operations_of

MATRIX = Path(__file__).with_name("matrix.md")
HOUR = timedelta(hours=1)
MOMENTS = {"before": (HOUR, None), "in": (-HOUR, None), "after": (-2 * HOUR, -HOUR)}
"""The opening and the closing of the window, relative to now."""

ALWAYS, ENDED = date(2999, 1, 1), date(2024, 1, 2)
NAMES = b"Familie-"
NAMES_VISIBLE_TO = {"own school", "mandated"}

OUTCOMES = {201: "done", 202: "done", 204: "done", 303: "done"}
OUTCOMES |= {401: "unknown", 403: "forbidden", 404: "absent"}


def cells() -> dict[tuple[str, str], list[str]]:
    """Return the outcomes before, in and after the window, by operation and caller."""
    found: dict[tuple[str, str], list[str]] = {}
    callers: list[str] = []
    for line in MATRIX.read_text(encoding="utf-8").splitlines():
        first, *rest = (cell.strip() for cell in line.strip("|").split("|"))
        if first == "operation":
            callers = rest
        elif len(rest) == len(callers) > 1 and not first.startswith("---"):
            for caller, outcomes in zip(callers, rest, strict=True):
                found[first, caller] = outcomes.split(", ") if "," in outcomes else [outcomes] * 3
    return found


@dataclass
class Targets:
    """The resources of the requests, new for each request that changes them."""

    sessions: Sessions
    seeded: Seeded
    vendor: str
    person: UUID
    colleague: UUID
    fixed_ids: dict[str, str]

    def ids(self, operation: str, caller: str) -> dict[str, str]:
        number = str(next(NUMBERS))
        ids = self.fixed_ids | {"name": f"client {number}", "secret": number}
        ids["day"] = str(date(2030, 1, 1) + timedelta(days=int(number)))
        with UnitOfWork(self.sessions) as unit:

            def add(model: type[Base], **values: Any) -> str:
                key = next(iter(model.__table__.primary_key))
                return str(unit.session.scalar(insert(model).values(values).returning(key)))

            if operation in {"shortenMandate", "revokeMandate"}:
                ids["mandateId"] = add(Mandate, **mandate(self.vendor, ALWAYS))
            if operation in {"getJob", "cancelJob", "retryJob", "listJobFailures"}:
                state = "queued" if operation in {"getJob", "cancelJob"} else "failed"
                job = {"kind": "documents.build", "lane": "bulk", "requested_by": "tests"}
                ended = {"finished_at": datetime.now(UTC)} if state == "failed" else {}
                ids["jobId"] = add(Job, **job, **ended, subject=f"job {number}", state=state)
                item = add(JobItem, job_id=ids["jobId"], subject=SCHOOL, state=state)
                add(JobFailure, item_id=item, subject="one", problem={"title": "A fiche failed"})
            if operation in CLIENT_OPERATIONS:
                ids["clientId"] = add(Client, name=f"of {number}", kind="integrator", scopes=[])
                ids["keyId"] = number.zfill(43)
                add(ClientKey, client_id=ids["clientId"], thumbprint=ids["keyId"], jwk={"kty": "x"})
            if operation == "removeReleaseWindow":
                of = {"administration_id": ADMINISTRATION, "product": Product.TEST_VIEWING}
                opens_at = datetime(3000, 1, 1, tzinfo=UTC) + timedelta(days=int(number))
                times = {"opens_at": opens_at, "closes_at": opens_at + HOUR}
                ids["windowId"] = add(ReleaseWindow, **of, **times)
            if operation in CHANGE_OPERATIONS:
                ids["changeId"] = add(ClientChange, **activation(self.vendor, self.colleague))
                if operation == "applyClientChange":
                    self._agree(unit, UUID(ids["changeId"]))
            if operation == "useDownloadGrant" and caller in CALLERS:
                add(DownloadGrant, **self._grant(CALLERS[caller], number))
        return ids

    def _agree(self, unit: UnitOfWork, change_id: UUID) -> None:
        approval = {"change_id": change_id, "person_id": self.person}
        unit.session.execute(insert(ClientChangeApproval).values(approval))
        unit.session.get_one(ClientChange, change_id).takes_effect_at = LONG_AGO

    def _grant(self, caller: Caller, secret: str) -> dict[str, Any]:
        return {
            "secret_sha256": sha256(secret.encode()).digest(),
            "document_id": self.seeded.documents["fiche"],
            "client": caller.client,
            "caller_kind": caller.kind,
            "caller_organisation": caller.school_id,
            "school_id": SCHOOL,
            "token_id": secret,
            "token_issued_at": datetime.now(UTC),
            "token_expires_at": datetime.now(UTC) + HOUR,
            "expires_at": datetime.now(UTC) + HOUR,
        }


NUMBERS = count(1)
CLIENT_OPERATIONS = {"changeClient", "createClientChange", "removeClientKey"}
CHANGE_OPERATIONS = {f"{verb}ClientChange" for verb in ("get", "approve", "reject", "apply")}


def activation(client_id: str, requested_by: UUID) -> dict[str, Any]:
    about = {"kind": "activateClient", "client_id": UUID(client_id), "values": {}}
    return about | {"requested_by": requested_by}


def operator_with(unit: UnitOfWork, client_id: str) -> UUID:
    """A new person with a client of this id."""
    person = add_person(unit.session, f"person {client_id}")
    assert person is not None
    scopes = sorted(GRANTABLE[CallerKind.OPERATOR])
    values = {"id": UUID(client_id), "name": client_id, "kind": "operator", "scopes": scopes}
    unit.session.execute(insert(Client).values(values | {"person_id": person}))
    return person


def mandate(client: str, until_on: date, product: str = Product.STUDENT_FEEDBACK) -> dict[str, Any]:
    return {
        "school_id": SCHOOL,
        "client": client,
        "products": [product],
        "from_on": LONG_AGO.date(),
        "until_on": until_on,
        "purpose": "Report book",
        "decided_by": "portal",
    }


@pytest.fixture(scope="module")
def targets(sessions: Sessions, seeded: Seeded, url: str) -> Targets:
    vendor = register_client(sessions, url, ClientKind.INTEGRATOR).id
    with UnitOfWork(sessions) as unit:
        mandate_id = unit.session.scalar(
            insert(Mandate).values(mandate("mandated", ALWAYS)).returning(Mandate.id)
        )
        unit.session.execute(insert(Mandate).values(mandate("mandate over", ENDED)))
        revoked = mandate("mandate revoked", ALWAYS) | {"revoked_at": func.now()}
        unit.session.execute(insert(Mandate).values(revoked))
        unit.session.execute(
            insert(Mandate).values(mandate("other product", ALWAYS, Product.SCHOOL_FEEDBACK))
        )
        plan = MandatePlan(
            vendor, [Product.SCHOOL_FEEDBACK], ALWAYS, "Report book", date(2998, 1, 1)
        )
        give_mandate(unit, school_request(OTHER), plan)
        person, colleague = operator_with(unit, OPERATOR_ID), operator_with(unit, str(uuid4()))
        change = insert(ClientChange).values(activation(vendor, colleague))
        change_id = unit.session.scalar(change.returning(ClientChange.id))
    fixed_ids = {
        "administrationId": ADMINISTRATION,
        "asset_name": "start.js",
        "changeId": str(change_id),
        "clientId": vendor,
        "component": "SO2A-LEZ",
        "deliveryId": str(seeded.delivery),
        "documentId": str(seeded.documents["fiche"]),
        "jobId": str(seeded.job),
        "mandateId": str(mandate_id),
        "schoolId": SCHOOL,
        "studentId": str(seeded.students["first"]),
    }
    return Targets(sessions, seeded, vendor, person, colleague, fixed_ids)


@pytest.fixture(params=MOMENTS)
def moment(request: pytest.FixtureRequest, sessions: Sessions, targets: Targets) -> Iterator[int]:
    """Add a window for everything, and one that a test may change; return the moment's index."""
    opens, closes = MOMENTS[request.param]
    of = {"administration_id": ADMINISTRATION, "product": Product.STUDENT_FEEDBACK}
    now, groups = datetime.now(UTC), targets.seeded.target_groups
    with UnitOfWork(sessions) as unit:
        moments = {"opens_at": now + opens, "closes_at": now + closes if closes else None}
        unit.session.execute(insert(ReleaseWindow).values(of | moments))
        planned = of | {"target_group_id": groups["SO2A"]}
        window = insert(ReleaseWindow).values(planned).returning(ReleaseWindow.id)
        targets.fixed_ids["windowId"] = str(unit.session.scalar(window))
    yield list(MOMENTS).index(request.param)
    with UnitOfWork(sessions) as unit:
        unit.session.execute(delete(ReleaseWindow))


def outcome_of(operation: Operation, response: httpx.Response) -> str:
    if response.status_code != httpx.codes.OK:
        return OUTCOMES.get(response.status_code, str(response.status_code))
    if operation.method not in {"GET", "HEAD"}:
        return "done"
    is_json = response.headers.get("Content-Type") == "application/json" and response.content
    return "empty" if is_json and response.json().get("total") == 0 else "shown"


def test_every_cell_equals_the_response_of_a_running_api(
    moment: int, targets: Targets, callers: Callers, unauthenticated: httpx.Client, app: FastAPI
) -> None:
    operations, expected = operations_of(app), cells()
    wrong, absent = [], set()
    for caller in (*CALLERS, *UNAUTHENTICATED):
        auth = auth_of(callers, caller)
        for name, operation in operations.items():
            response = unauthenticated.request(
                **operation.request(targets.ids(name, caller)), auth=auth
            )
            outcome = outcome_of(operation, response)
            if outcome != expected[name, caller][moment]:
                wrong.append(f"{name}, {caller}: {outcome}: {response.text[:300]}")
            if NAMES in response.content and caller not in NAMES_VISIBLE_TO:
                wrong.append(f"{name}, {caller}: has the name of a student")
            if outcome == "absent" and operation.method != "HEAD":
                trace_id = response.headers["BelGov-Trace-Id"]
                absent.add(response.content.replace(trace_id.encode(), b""))
    assert not wrong, "\n".join(wrong)
    assert len(absent) == 1


def test_the_matrix_has_every_operation_and_kind_of_caller(app: FastAPI) -> None:
    expected = cells()
    assert {operation for operation, _ in expected} == set(operations_of(app))
    assert {caller for _, caller in expected} == {*CALLERS, *UNAUTHENTICATED}
    assert {caller.kind for caller in CALLERS.values()} == set(CallerKind)
    assert f"{3 * len(expected):,}" in MATRIX.read_text(encoding="utf-8")
