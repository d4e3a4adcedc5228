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
from sqlalchemy import delete, func, insert, select

from shared.access.products import Product
from shared.access.rules import Caller, CallerKind
from shared.client_changes.models import ClientChange, ClientChangeApproval
from shared.core.database import Base, Sessions
from shared.core.settings import Settings
from shared.core.unit_of_work import UnitOfWork
from shared.documents.grants.models import DownloadGrant
from shared.documents.superseded.models import SupersededDocument
from shared.hand_overs.declarations.models import Declaration
from shared.hand_overs.models import HandOver
from shared.jobs.models import Job, JobFailure, JobItem
from shared.mandates.models import Mandate
from shared.mandates.service import MandatePlan, give_mandate
from shared.oauth.clients.models import Client, ClientKey
from shared.oauth.clients.rules import ClientKind
from shared.release_plans.manifest_signatures import ManifestKey
from shared.release_plans.plan import ReleasePlan
from shared.releases.models import Manifest, ManifestFinding, ReleaseWindow
from shared.schools.models import Succession
from shared.viewings.codes import ViewingKey
from tests.api.conftest import Callers
from tests.api.list_rows import superseded_overview
from tests.api.matrix_callers import CALLERS, OPERATOR_ID, UNAUTHENTICATED, auth_of
from tests.api.matrix_rows import (
    MANIFEST,
    activation,
    add_administration,
    add_verified,
    mandate,
    operator_with,
)
from tests.api.matrix_viewings import ViewingTargets
from tests.api.oauth_clients import register_client
from tests.api.seeding import ADMINISTRATION, LONG_AGO, OTHER, SCHOOL, Seeded
from tests.callers import school_request
from tests.operations import SCHOOL_YEAR, Operation, operations_of
from tests.predecessors import add_predecessor
from tests.releasing import add_recall

MATRIX = Path(__file__).with_name("matrix.md")
HOUR = timedelta(hours=1)
MOMENTS = {"before": (HOUR, None), "in": (-HOUR, None), "after": (-2 * HOUR, -HOUR)}
"""The opening and the closing of the window, relative to now."""

ALWAYS, ENDED = date(2999, 1, 1), date(2024, 1, 2)
NAMES = b"Familie-"
NAMES_VISIBLE_TO = {"own school", "mandated", "officer"}

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
    key: ManifestKey
    viewings: ViewingTargets

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
            if operation in {"withdrawHandOvers", "createDeclaration"}:
                ids |= self._of_hand_overs(unit, int(number))
            ids |= self._of_releases(unit, operation, int(number))
            ids |= self.viewings.ids(unit, operation, int(number))
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

    def _of_releases(self, unit: UnitOfWork, operation: str, number: int) -> dict[str, str]:
        """Add an administration without a plan, or an opening with a manifest to approve."""
        if operation == "confirmSuccession":
            return {"predecessorId": add_predecessor(unit.session, f"9{number:05}", SCHOOL)}
        if operation == "approveOpening":
            return {"openingId": str(add_verified(unit, number, self.key))}
        if operation != "replaceReleasePlan":
            return {}
        add_administration(unit, f"plan{number}")
        return {"administrationId": f"plan{number}"}

    def _of_hand_overs(self, unit: UnitOfWork, number: int) -> dict[str, str]:
        """Add a hand-over, and remove the declarations about a school year that a test makes."""
        made = Declaration.school_year == SCHOOL_YEAR
        unit.session.execute(delete(Declaration).where(made))
        of = {"school_id": SCHOOL, "student_id": self.seeded.students["first"], "number": number}
        of |= {"content_sha256": b"2", "means": "printed", "handed_over_on": ENDED}
        hand_over = insert(HandOver).values(of).returning(HandOver.id)
        return {"handOverId": str(unit.session.scalar(hand_over))}

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


@pytest.fixture(scope="module")
def targets(sessions: Sessions, seeded: Seeded, url: str, settings: Settings) -> Targets:
    key = ManifestKey.read(settings.require_file("manifest_key_file"))
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
        opening = add_verified(unit, 0, key)
        manifest = select(Manifest.id).where(Manifest.opening_id == opening)
        missing: dict[str, Any] = {"kind": "fault", "code": "ficheMissing", "school_id": SCHOOL}
        finding = insert(ManifestFinding).values(
            missing | {"manifest_id": manifest.scalar_subquery()}
        )
        unit.session.execute(finding)
        recall = add_recall(unit.session, ADMINISTRATION, Product.SCHOOL_FEEDBACK)
        predecessor = add_predecessor(unit.session, "900000", OTHER)
        pair = {"successor_id": OTHER, "predecessor_id": predecessor}
        pending = insert(Succession).values(pair).returning(Succession.id)
        succession = unit.session.scalar(pending)
        change = insert(ClientChange).values(activation(vendor, colleague))
        change_id = unit.session.scalar(change.returning(ClientChange.id))
        component = seeded.components["LO4-LEZ"]
        former = superseded_overview(unit.session, component, LONG_AGO)
        unit.session.execute(insert(SupersededDocument).values(former))
        of_school = {"school_year": "2019-2020", "number": 1, "declared_on": ENDED}
        for school in (OTHER, SCHOOL):
            declared = insert(Declaration).values(**of_school, school_id=school)
            declaration_id = unit.session.scalar(declared.returning(Declaration.id))
    viewing_key = ViewingKey.read(settings.require_file("viewing_key_file"))
    viewings = ViewingTargets(sessions, seeded, viewing_key)
    fixed_ids = viewings.fixed_ids() | {
        "administrationId": ADMINISTRATION,
        "asset_name": "start.js",
        "changeId": str(change_id),
        "clientId": vendor,
        "component": "SO2A-LEZ",
        "declarationId": str(declaration_id),
        "deliveryId": str(seeded.delivery),
        "documentId": str(seeded.documents["fiche"]),
        "jobId": str(seeded.job),
        "language": "fr",
        "mandateId": str(mandate_id),
        "manifestHash": sha256(MANIFEST).hexdigest(),
        "openingId": str(opening),
        "planVersion": ReleasePlan().version(),
        "recallId": str(recall),
        "schoolId": SCHOOL,
        "successionId": str(succession),
        "studentId": str(seeded.students["first"]),
    }
    targets = Targets(sessions, seeded, vendor, person, colleague, fixed_ids, key, viewings)
    targets.ids("withdrawHandOvers", "own school")
    return targets


@pytest.fixture(params=MOMENTS)
def moment(request: pytest.FixtureRequest, sessions: Sessions, targets: Targets) -> Iterator[int]:
    """Add a window for everything, and one that a test may change; return the moment's index."""
    opens, closes = MOMENTS[request.param]
    of: dict[str, Any] = {"administration_id": ADMINISTRATION, "before_plans": True}
    of["product"] = Product.STUDENT_FEEDBACK
    now, groups = datetime.now(UTC), targets.seeded.target_groups
    with UnitOfWork(sessions) as unit:
        moments = {"opens_at": now + opens, "closes_at": now + closes if closes else None}
        unit.session.execute(insert(ReleaseWindow).values(of | moments))
        viewing = {"product": Product.TEST_VIEWING, "opens_at": LONG_AGO}
        unit.session.execute(insert(ReleaseWindow).values(of | viewing))
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
