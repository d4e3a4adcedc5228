"""The sample delivery, its facts, and the build of a school of it."""

import csv
import json
import shutil
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from uuid import uuid4

from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from services.worker.documents.school_production import Renderers
from services.worker.execution import HandlerResult
from services.worker.jobs.documents import build_school
from shared.core.unit_of_work import UnitOfWork
from shared.documents.catalogues import CatalogueCache
from shared.documents.models import Document
from shared.documents.reading_guides.texts import GUIDES_FOLDER
from shared.jobs.claims import Claim
from shared.jobs.models import Job
from shared.jobs.rules import BUILD_DOCUMENTS, Lane
from shared.storage.store import Storage

SAMPLE = Path(__file__).parents[2] / "data" / "delivery-sample"
PRIMARY, SECONDARY = "000028", "007947"
KEY = b"k" * 32
TOOK_PART = {"reported", "absent", "exempt", "notCompleted"}


def build(
    session: Session,
    storage: Storage,
    job: Job,
    school_id: str = PRIMARY,
    *,
    force: bool = False,
) -> HandlerResult:
    return run_build(session, storage, claimed(job, school_id, force=force))


def run_build(session: Session, storage: Storage, claim: Claim) -> HandlerResult:
    """Build in units of work of their own, on the connection and in the transaction of a test."""
    session.flush()
    sessions = sessionmaker(
        session.connection(), join_transaction_mode="create_savepoint", expire_on_commit=False
    )
    with UnitOfWork(sessions) as unit:
        result = build_school(unit, claim, storage, CatalogueCache(), Renderers())
    session.expire_all()
    return result


def claimed(job: Job, school_id: str = PRIMARY, *, force: bool = False) -> Claim:
    arguments = {"administrationId": "2024", "force": force}
    return Claim(uuid4(), job.id, BUILD_DOCUMENTS, Lane.BULK, school_id, arguments, 1, 1)


def documents(session: Session, kind: str, school_id: str = PRIMARY) -> Sequence[Document]:
    query = select(Document).where(Document.kind == kind, Document.school_id == school_id)
    return session.scalars(query.order_by(Document.file_name)).all()


def content_of(storage: Storage, document: Document) -> bytes:
    return b"".join(storage.stream_segments(document.segments))


def is_guide(name: str) -> bool:
    """Return True for the name of a reading guide in a bundle."""
    return name.startswith(f"{GUIDES_FOLDER}/")


def rows(name: str) -> list[dict[str, str]]:
    with (SAMPLE / name).open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def students_who_took_part(school_id: str) -> set[str]:
    calibrations = {r["component"] for r in rows("components.csv") if r["calibration"] == "true"}
    own = {row["student"] for row in rows("students.csv") if row["school"] == school_id}
    return own & {
        row["student"]
        for row in rows("results.csv")
        if row["status"] in TOOK_PART and row["component"] not in calibrations
    }


def without_student(target: Path, student: str) -> Path:
    """Return the next full delivery: the sample without one student."""
    copy = target / "second"
    shutil.copytree(SAMPLE, copy)
    manifest = json.loads((copy / "delivery.json").read_text())
    for name in ("students.csv", "results.csv", "item_results.csv"):
        lines = (copy / name).read_text(encoding="utf-8").splitlines(keepends=True)
        kept = [line for line in lines if not line.startswith(f"{student},")]
        (copy / name).write_text("".join(kept), encoding="utf-8")
        digest = sha256((copy / name).read_bytes()).hexdigest()
        manifest["files"][name] = {"rows": len(kept) - 1, "sha256": digest}
    manifest |= {"deliveryId": "second", "sequence": 2}
    (copy / "delivery.json").write_text(json.dumps(manifest))
    return copy
