"""The job `documents.build`: plan, compare, produce and publish the documents of a school."""

from collections.abc import Sequence

from services.worker.documents.reading_guides import bundled_guides
from services.worker.documents.school_plan import ExistingDocuments, plan_school
from services.worker.documents.school_production import Renderers, SchoolProduction
from services.worker.execution import HandlerResult
from shared.access.products import Product
from shared.core.errors import Conflict
from shared.core.unit_of_work import UnitOfWork
from shared.documents.building import (
    BuiltDocument,
    ExistingDocument,
    publish,
    school_content,
)
from shared.documents.catalogues import CatalogueCache
from shared.documents.kinds import DocumentKind
from shared.documents.objects import objects_of
from shared.documents.reading_guides.service import guide_sizes
from shared.documents.rebuilds.service import end_rebuild
from shared.jobs.claims import Claim
from shared.storage.store import Storage

MAX_ROUNDS = 5
"""The number of times that an item makes the documents of a school whose facts keep changing."""


def build_school(
    unit: UnitOfWork,
    claim: Claim,
    storage: Storage,
    catalogues: CatalogueCache,
    renderers: Renderers,
) -> HandlerResult:
    """Build the documents of a school, which is the item's subject.

    The job's arguments name the administration. With `force`, existing documents are built again.
    No transaction is open while documents are rendered and stored. If the facts change meanwhile,
    or another build of the school ends, everything is compared and made again.

    Raises:
        Conflict: when that happens too often, or when the school does not take part.
    """
    school = claim.arguments["administrationId"], claim.subject
    is_forced = claim.arguments.get("force", False)
    guides = bundled_guides()
    for number in range(MAX_ROUNDS):
        content, stored = school_content(unit.session, catalogues, *school, is_forced=is_forced)
        unit.end_reading()
        guides.require_stored(storage)
        existing = ExistingDocuments(_in_store(stored.documents, storage, *school))
        plan = plan_school(content, renderers.fiches.version, renderers.hand_out_lists.version)
        production = SchoolProduction(plan, existing, renderers, storage)
        production.run(claim.require_held)
        removed = publish(
            unit.session,
            claim.job_id,
            content,
            stored,
            production.documents,
            production.missing,
        )
        if removed is not None:
            outcome = count_documents(production.documents) | {
                "failures": len(production.failures),
                "removed": removed,
                "repeated": claim.repeats + number,
            }
            end_rebuild(unit.session, *school)
            return HandlerResult(outcome, production.failures)
        unit.end_reading()
    raise Conflict(
        "schoolChanged",
        f"The school changed {MAX_ROUNDS} times while its documents were made; build them again "
        "after the deliveries.",
    )


def _in_store(
    documents: Sequence[ExistingDocument], storage: Storage, administration_id: str, school_id: str
) -> list[ExistingDocument]:
    """Return the documents whose objects are in the store; the others are made again."""
    if not documents:
        return []
    sizes = storage.sizes(objects_of(administration_id, school_id)) | guide_sizes(storage)
    return [document for document in documents if document.is_within(sizes)]


def count_documents(documents: Sequence[BuiltDocument]) -> dict[str, int]:
    """Return the number of produced documents by kind, and of unchanged ones.

    Those of school feedback count as produced: a correction at one school changes the references of
    others, so that the number would tell an operator whether a level was changed.
    """
    produced = [
        one.kind
        for one in documents
        if not isinstance(one, ExistingDocument) or one.kind.product is Product.SCHOOL_FEEDBACK
    ]
    return {
        "fiches": produced.count(DocumentKind.FICHE),
        "overviews": produced.count(DocumentKind.OVERVIEW),
        "ficheBundles": produced.count(DocumentKind.FICHE_BUNDLE),
        "fichePrints": produced.count(DocumentKind.FICHE_PRINT),
        "schoolFeedbackReports": produced.count(DocumentKind.SCHOOL_FEEDBACK_REPORT),
        "schoolFeedbackWorkbooks": produced.count(DocumentKind.SCHOOL_FEEDBACK_WORKBOOK),
        "unchanged": len(documents) - len(produced),
    }
