"""A delivered administration with built documents, and a worker that verifies its openings."""

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from uuid import UUID, uuid4

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from services.worker.documents.school_production import Renderers
from services.worker.jobs.documents import build_school
from services.worker.jobs.openings import OpeningVerifier
from shared.access.products import Product
from shared.core.clock import database_now
from shared.core.database import Sessions
from shared.core.unit_of_work import UnitOfWork
from shared.documents.catalogues import CatalogueCache
from shared.documents.models import Document
from shared.jobs.claims import Claim
from shared.jobs.rules import BUILD_DOCUMENTS, VERIFY_OPENING, Lane
from shared.release_plans.manifest_signatures import ManifestKey
from shared.releases.models import Manifest, ManifestFinding, Opening
from shared.storage.store import Storage
from tests.deliveries.delivery_files import DeliveryFiles, correction, run_import
from tests.releasing import add_window

ADMINISTRATION = "2024"
FIRST, SECOND = "000028", "007947"


@dataclass
class Deployment:
    """A delivered administration of which the documents are built, and a worker."""

    owner: Sessions
    worker: Sessions
    storage: Storage
    key: ManifestKey
    directory: Path
    sequence: int = 1

    @property
    def verifier(self) -> OpeningVerifier:
        return OpeningVerifier(self.storage, CatalogueCache(), Renderers(), self.key)

    def build(self, *schools: str) -> None:
        for school in schools or (FIRST, SECOND):
            with UnitOfWork(self.worker) as unit:
                arguments = {"administrationId": ADMINISTRATION, "force": False}
                job = add_job(unit.session)
                claim = Claim(uuid4(), job, BUILD_DOCUMENTS, Lane.BULK, school, arguments, 1, 1)
                build_school(unit, claim, self.storage, CatalogueCache(), Renderers())

    def correct(self, **changes: list[list[str]]) -> None:
        self.sequence += 1
        self.deliver(correction(self.sequence, **changes))

    def deliver(self, delivery: DeliveryFiles) -> None:
        path = delivery.write(self.directory / f"delivery-{uuid4()}")
        with UnitOfWork(self.worker) as unit:
            outcome = run_import(unit.session, path)
            assert outcome.status == "applied", outcome.report

    def verify(self, opening: UUID) -> dict[str, int]:
        with UnitOfWork(self.worker) as unit:
            claim = Claim(
                uuid4(), uuid4(), VERIFY_OPENING, Lane.INTERACTIVE, str(opening), {}, 1, 1
            )
            return self.verifier.verify(unit, claim).outcome

    def opening(self, product: Product = Product.STUDENT_FEEDBACK) -> UUID:
        """Plan an opening of tomorrow, and return its id."""
        with UnitOfWork(self.owner) as unit:
            opens_at = database_now(unit.session) + timedelta(days=1)
            add_window(unit.session, ADMINISTRATION, product, before_plans=False, opens_at=opens_at)
        with UnitOfWork(self.owner) as unit:
            query = select(Opening.id).where(Opening.product == product)
            latest = query.order_by(Opening.planned_at.desc()).limit(1)
            return unit.session.scalars(latest).one()

    def manifest(self) -> Manifest:
        with UnitOfWork(self.owner) as unit:
            query = select(Manifest).order_by(Manifest.made_at.desc(), Manifest.number.desc())
            return unit.session.scalars(query.limit(1)).one()

    def findings(self) -> set[tuple[str, str, str | None]]:
        with UnitOfWork(self.owner) as unit:
            query = select(ManifestFinding).where(ManifestFinding.manifest_id == self.manifest().id)
            return {(one.kind, one.code, one.school_id) for one in unit.session.scalars(query)}

    def is_current(self, opening: UUID) -> bool:
        """Return True if the latest manifest is one of the present epoch."""
        with UnitOfWork(self.owner) as unit:
            return self.manifest().epoch == unit.session.get_one(Opening, opening).epoch


def add_job(session: Session) -> UUID:
    insert = text(
        "insert into jobs (kind, lane, subject, requested_by)"
        " values ('documents.build', 'bulk', :subject, 'tests') returning id"
    )
    job_id: UUID = session.execute(insert, {"subject": str(uuid4())}).scalar_one()
    return job_id


def document(built: Deployment, kind: str) -> Document:
    with UnitOfWork(built.owner) as unit:
        query = select(Document).where(Document.kind == kind, Document.school_id == FIRST)
        return unit.session.scalars(query.order_by(Document.id).limit(1)).one()
