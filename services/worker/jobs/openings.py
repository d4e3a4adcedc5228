"""The jobs `openings.verify` and `openings.check`: prove an opening complete, and look again."""

from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from random import SystemRandom
from uuid import UUID

from services.worker.documents.school_plan import plan_school
from services.worker.documents.school_production import Renderers
from services.worker.documents.school_verification import (
    SchoolVerification,
    fault_of,
    find_byte_faults,
    is_shown,
)
from services.worker.execution import HandlerResult
from services.worker.metrics import OPENING_FAULTS
from shared.access.products import Product
from shared.core.errors import Conflict
from shared.core.unit_of_work import UnitOfWork
from shared.documents.building import ExistingDocument, existing_documents, school_content
from shared.documents.catalogues import CatalogueCache
from shared.documents.objects import PREFIX
from shared.documents.reading_guides.service import guide_sizes
from shared.jobs.claims import Claim
from shared.release_plans.checks import record_faults
from shared.release_plans.feedback_manifest import add_feedback
from shared.release_plans.manifest import ManifestDraft, SchoolManifest
from shared.release_plans.manifest_signatures import ManifestKey
from shared.release_plans.verification import (
    ObservedOpening,
    add_deliveries,
    add_manifest,
    count_students,
    observe_opening,
    read_opening,
    schools_of,
)
from shared.storage.store import Storage

MAX_ROUNDS = 5
"""The number of times that an opening is verified whose facts keep changing."""
SAMPLE = 200
"""Documents whose bytes the second look reads."""
READING_THREADS = 4
MAX_UNREAD = 8
"""Schools whose objects are being read while the next ones are compared."""


class OpeningVerifier:
    """The verification of openings by one process, with its renderers, its store and its key."""

    def __init__(
        self,
        storage: Storage,
        catalogues: CatalogueCache,
        renderers: Renderers,
        key: ManifestKey,
    ) -> None:
        self._storage = storage
        self._catalogues = catalogues
        self._renderers = renderers
        self._key = key

    def verify(self, unit: UnitOfWork, claim: Claim) -> HandlerResult:
        """Verify an opening, whose id is the item's subject, and store its manifest.

        A change while it is verified raises the epoch; then it is verified again.

        Raises:
            Conflict: when that happens too often, or when the moment has passed.
        """
        for _ in range(MAX_ROUNDS):
            opening = observe_opening(unit.session, UUID(claim.subject))
            unit.end_reading()
            draft = ManifestDraft(opening.plan)
            self._add_parts(unit, opening, draft, claim.require_held)
            if add_manifest(unit.session, opening, draft, self._key) is not None:
                return HandlerResult(draft.counts())
            unit.end_reading()
            unit.session.expire_all()
        raise Conflict(
            "openingChanged",
            f"The opening changed {MAX_ROUNDS} times while it was verified; verify it again after "
            "the deliveries and builds.",
        )

    def check(self, unit: UnitOfWork, claim: Claim) -> HandlerResult:
        """Look at the store again shortly before an opening, and void it if anything is lost.

        All objects are listed with their sizes; the bytes of a sample are read.
        """
        opening = read_opening(unit.session, UUID(claim.subject))
        documents = self._documents(unit, opening)
        unit.end_reading()
        sizes = self._sizes(opening) if documents else {}
        faults = [
            fault_of(school_id, document, "objectMissing")
            for school_id, document in documents
            if not document.is_within(sizes)
        ]
        sample = SystemRandom().sample(documents, min(SAMPLE, len(documents)))
        for school_id, document in sample:
            claim.require_held()
            faults += find_byte_faults(self._storage, school_id, [document])
        if faults:
            record_faults(unit, opening.id, faults, claim.trace_id)
        OPENING_FAULTS.inc(len(faults))
        counts = {"documents": len(documents), "read": len(sample), "faults": len(faults)}
        return HandlerResult(counts)

    def _sizes(self, opening: ObservedOpening) -> dict[str, int]:
        """Return the sizes of the objects of the administration, and of the guides in bundles."""
        own = self._storage.sizes(f"{PREFIX}/{opening.administration_id}")
        return own | guide_sizes(self._storage)

    @staticmethod
    def _documents(
        unit: UnitOfWork, opening: ObservedOpening
    ) -> list[tuple[str, ExistingDocument]]:
        """Return the documents that an opening shows, each with its school."""
        return [
            (school_id, document)
            for school_id in schools_of(unit.session, opening)
            for document in existing_documents(unit.session, opening.administration_id, school_id)
            if is_shown(document, Product(opening.product), frozenset(opening.component_ids))
        ]

    def _add_parts(
        self,
        unit: UnitOfWork,
        opening: ObservedOpening,
        draft: ManifestDraft,
        require_held: Callable[[], None],
    ) -> None:
        """Add what a product has in addition to its plan: documents, and figures of schools."""
        if opening.product == Product.TEST_VIEWING:
            return
        if opening.product == Product.SCHOOL_FEEDBACK:
            add_feedback(unit.session, opening, draft)
        self._add_schools(unit, opening, draft, require_held)
        add_deliveries(unit.session, opening, draft)

    def _add_schools(
        self,
        unit: UnitOfWork,
        opening: ObservedOpening,
        draft: ManifestDraft,
        require_held: Callable[[], None],
    ) -> None:
        """Compare school after school, while threads read the objects of those before."""
        unread: deque[Future[SchoolManifest]] = deque()
        with ThreadPoolExecutor(READING_THREADS, thread_name_prefix="verify") as threads:
            try:
                for school_id in schools_of(unit.session, opening):
                    require_held()
                    school = self._compare(unit, opening, school_id)
                    unread.append(threads.submit(school.finish, self._storage))
                    if len(unread) >= MAX_UNREAD:
                        draft.add_school(unread.popleft().result())
                while unread:
                    draft.add_school(unread.popleft().result())
            finally:
                for future in unread:
                    future.cancel()

    def _compare(
        self, unit: UnitOfWork, opening: ObservedOpening, school_id: str
    ) -> SchoolVerification:
        school = opening.administration_id, school_id
        content, stored = school_content(unit.session, self._catalogues, *school)
        students = count_students(unit.session, *school)
        unit.end_reading()
        unit.session.expire_all()
        versions = self._renderers.fiches.version, self._renderers.hand_out_lists.version
        plan = plan_school(content, *versions)
        verification = SchoolVerification(
            plan,
            stored.documents,
            self._renderers,
            students,
            Product(opening.product),
            frozenset(opening.component_ids),
        )
        verification.run()
        return verification
