"""Rows that a test of lists adds and removes."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from random import Random
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import delete, func, insert, inspect, select, update
from sqlalchemy.orm import Session

from shared.access.products import Product
from shared.core.database import Base
from shared.documents.hand_out_lists.models import MissingFiche
from shared.documents.models import Document
from shared.documents.superseded.models import DocumentDownload
from shared.mandates.models import Mandate
from shared.releases.models import Manifest, ManifestFinding
from shared.school_feedback.models import SchoolFeedbackSnapshot
from shared.students.models import ClassGroup, Student
from tests.api.seeding import ADMINISTRATION, SCHOOL, Seeded
from tests.predecessors import add_predecessor
from tests.releasing import AddedManifest, add_opening

NEVER_MOVED = datetime(2019, 1, 1, tzinfo=UTC)


def removal_from(model: type[Base]) -> Any:
    """Return the statement that removes a row from its list; mandates are never deleted."""
    is_kept = model is Mandate
    return update(Mandate).values(superseded_at=func.now()) if is_kept else delete(model)


def remove(session: Session, model: type[Base], key: object) -> None:
    """Remove a row from its list, with the student and the class group that were added for it."""
    is_removed = inspect(model).primary_key[0] == key
    row = session.scalars(select(model).where(is_removed)).one()
    session.execute(removal_from(model).where(is_removed))
    if isinstance(row, Document | MissingFiche):
        session.execute(delete(Student).where(Student.id == row.student_id))
    if isinstance(row, Document):
        session.execute(delete(ClassGroup).where(ClassGroup.id == row.class_group_id))


def add(session: Session, model: type[Base], **values: Any) -> Any:
    return session.scalar(insert(model).values(**values).returning(inspect(model).primary_key[0]))


def finished_job(created_at: datetime) -> dict[str, Any]:
    """Return the values of a job that is done."""
    of = {"kind": "documents.build", "lane": "bulk", "requested_by": "tests", "state": "done"}
    times = {"created_at": created_at, "finished_at": func.now()}
    return {**of, "subject": uuid4().hex, **times}


def mandate_of(day: date) -> dict[str, Any]:
    """Return the values of a mandate for one day."""
    return {
        "school_id": SCHOOL,
        "client": uuid4().hex,
        "products": ["schoolFeedback"],
        "from_on": day,
        "until_on": day,
        "purpose": "Report book",
        "decided_by": "tests",
    }


def superseded_overview(session: Session, component_id: int, moment: datetime) -> dict[str, Any]:
    """Return the values of a superseded version of an overview, after its download is added."""
    document = uuid4()
    download = {"document_id": document, "version": 1, "school_id": SCHOOL}
    add(session, DocumentDownload, **download)
    return {
        **download,
        "kind": "overview",
        "administration_id": ADMINISTRATION,
        "component_ids": [component_id],
        "sha256": bytes(32),
        "reason": "corrected",
        "built_at": moment,
        "superseded_at": moment,
    }


def add_opening_with_findings(session: Session) -> UUID:
    """Add an opening whose manifest has findings; return its id."""
    opening = add_opening(
        session, ADMINISTRATION, Product.TEST_VIEWING, NEVER_MOVED, [AddedManifest()]
    )
    manifest = session.scalars(select(Manifest.id).where(Manifest.opening_id == opening)).one()
    for letter in "abcdefghij":
        finding = {"kind": "fault", "code": f"code{letter}", "school_id": SCHOOL}
        add(session, ManifestFinding, manifest_id=manifest, **finding)
    return opening


def feedback_versions(
    seeded: Seeded, draws: Random
) -> dict[type[Base], Callable[[Session], dict[str, Any]]]:
    """Return the function that draws a version of school feedback that a school does not have."""

    def version(session: Session) -> dict[str, Any]:
        latest = session.scalar(select(func.max(SchoolFeedbackSnapshot.version))) or 0
        return {
            "administration_id": ADMINISTRATION,
            "school_id": SCHOOL,
            "component_id": seeded.components["LO4-WIS"],
            "version": latest + draws.randint(1, 5),
            "reason": "corrected",
            "figures": {},
            "audit": {"isPassed": True},
        }

    return {SchoolFeedbackSnapshot: version}


def succession_of(session: Session, former: str) -> dict[str, Any]:
    """Return a succession of the school, after adding the former one."""
    return {
        "successor_id": SCHOOL,
        "predecessor_id": add_predecessor(session, former, SCHOOL),
    }
