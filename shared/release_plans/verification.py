"""Use cases of verification: start one, describe the plan of an opening, store a manifest."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any
from uuid import UUID

from sqlalchemy import cast, func, select
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Session

from shared.access.decisions import record_change
from shared.access.requests import AccessRequest
from shared.core.errors import Conflict, ResourceNotFound
from shared.core.unit_of_work import UnitOfWork
from shared.deliveries.models import Delivery
from shared.jobs import service as jobs
from shared.jobs.models import Job
from shared.jobs.queue import WakeUpQueue
from shared.jobs.rules import VERIFY_OPENING, Lane
from shared.release_plans.manifest import AppliedDelivery, Finding, FindingKind, ManifestDraft
from shared.release_plans.manifest_signatures import ManifestKey
from shared.releases.models import Opening, Recall
from shared.results.models import Component
from shared.schools.repository import participating_schools
from shared.students.models import Student


@dataclass(frozen=True, slots=True)
class ObservedOpening:
    """An opening as a verification begins: every later change raises its epoch."""

    id: UUID
    epoch: int
    administration_id: str
    product: str
    component_ids: Sequence[int]
    school_id: str | None
    plan: Mapping[str, Any]


def start_verification(
    unit: UnitOfWork, queue: WakeUpQueue, access: AccessRequest, opening_id: UUID
) -> Job:
    """Start a job that verifies an opening, or return the active one.

    Raises:
        ResourceNotFound: when there is no such opening.
    """
    if unit.session.get(Opening, opening_id) is None:
        raise ResourceNotFound
    record_change(unit, access, "verifyOpening", f"/v1/openings/{opening_id}")
    new = jobs.NewJob(
        kind=VERIFY_OPENING,
        lane=Lane.INTERACTIVE,
        subject=str(opening_id),
        items=[str(opening_id)],
        requested_by=access.caller.client,
        arguments={"openingId": str(opening_id)},
        trace_id=access.trace_id,
    )
    return jobs.start(unit, queue, new)


def observe_opening(session: Session, opening_id: UUID) -> ObservedOpening:
    """Begin a verification: the facts that are read from the next transaction on are current.

    Raises:
        Conflict: when the moment of the opening has passed.
    """
    epoch = session.execute(select(func.observe_opening(opening_id))).scalar_one()
    if epoch is None:
        raise Conflict(
            "openingPassed",
            "The moment of this opening has passed; the plan has to give a later one.",
        )
    return read_opening(session, opening_id)


def read_opening(session: Session, opening_id: UUID) -> ObservedOpening:
    """Return an opening with the plan that its manifest describes."""
    opening = session.get_one(Opening, opening_id, populate_existing=True)
    recall = session.get(Recall, opening.recall_id) if opening.recall_id else None
    component_ids = [component for component, _ in opening.coverage]
    return ObservedOpening(
        id=opening.id,
        epoch=opening.epoch,
        administration_id=opening.administration_id,
        product=opening.product,
        component_ids=component_ids,
        school_id=recall.school_id if recall else None,
        plan=_plan(session, opening),
    )


def schools_of(session: Session, opening: ObservedOpening) -> Sequence[str]:
    """Return the schools that an opening concerns, by number."""
    return participating_schools(session, opening.administration_id, opening.school_id)


def count_students(session: Session, administration_id: str, school_id: str) -> int:
    """Return the number of students of a school, also of those without a fiche."""
    query = select(func.count()).select_from(Student)
    of_school = (
        Student.administration_id == administration_id,
        Student.school_id == school_id,
        Student.removed_at.is_(None),
    )
    return session.execute(query.where(*of_school)).scalar_one()


def add_deliveries(session: Session, opening: ObservedOpening, draft: ManifestDraft) -> None:
    """Add the deliveries to a manifest, and compare its counts with those of the last full one."""
    query = select(Delivery).where(
        Delivery.administration_id == opening.administration_id, Delivery.status == "applied"
    )
    deliveries = session.scalars(query.order_by(Delivery.sequence)).all()
    draft.deliveries = [
        AppliedDelivery(one.reference, one.mode, one.sequence, one.content_sha256)
        for one in deliveries
    ]
    if not deliveries or deliveries[-1].mode != "full" or opening.school_id is not None:
        return
    rows, counts = deliveries[-1].report.get("rows", {}), draft.counts()
    for file, name in (("schools.csv", "schools"), ("students.csv", "students")):
        if file in rows and rows[file] != counts.get(name, 0):
            draft.findings.append(Finding(FindingKind.FAULT, f"{name}DifferFromDelivery"))


def add_manifest(
    session: Session, opening: ObservedOpening, draft: ManifestDraft, key: ManifestKey
) -> UUID | None:
    """Sign and store a manifest; return its id, or None when the opening has changed meanwhile.

    One that equals the latest of the same epoch is that one.
    """
    content = draft.content(key.secret)
    statement = select(
        func.add_manifest(
            opening.id,
            opening.epoch,
            list(opening.component_ids),
            content,
            key.sign(opening.id, sha256(content).digest()),
            cast(draft.counts(), JSONB),
            cast([finding.as_json() for finding in draft.findings], JSONB),
        )
    )
    manifest_id: UUID | None = session.execute(statement).scalar_one()
    return manifest_id


def _plan(session: Session, opening: Opening) -> dict[str, Any]:
    seconds = dict(opening.coverage)
    components = select(Component.id, Component.code).where(Component.id.in_(list(seconds)))
    return {
        "openingId": str(opening.id),
        "administrationId": opening.administration_id,
        "product": opening.product,
        "opensAt": opening.opens_at.isoformat(),
        "recallId": str(opening.recall_id) if opening.recall_id else None,
        "epoch": opening.epoch,
        "components": [
            {"code": code, "openForSeconds": seconds[component]}
            for component, code in session.execute(components.order_by(Component.code))
        ],
    }
