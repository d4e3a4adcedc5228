"""The job `documents.build`: plan, compare, produce and publish the documents of a school."""

from collections.abc import Sequence

from sqlalchemy.orm import Session

from services.worker.documents.school_plan import ExistingDocuments, plan_school
from services.worker.documents.school_production import Renderers, SchoolProduction
from services.worker.execution import HandlerResult
from shared.documents.building import (
    BuiltDocument,
    ExistingDocument,
    existing_documents,
    publish,
    school_content,
)
from shared.documents.catalogues import CatalogueCache
from shared.documents.kinds import DocumentKind
from shared.jobs.claims import Claim
from shared.storage.store import Storage


def build_school(
    session: Session,
    claim: Claim,
    storage: Storage,
    catalogues: CatalogueCache,
    renderers: Renderers,
) -> HandlerResult:
    """Build the documents of a school, which is the item's subject.

    The job's arguments name the administration. With `force`, existing documents are built again.
    """
    school = claim.arguments["administrationId"], claim.subject
    content = school_content(session, catalogues, *school)
    is_forced = claim.arguments.get("force", False)
    existing = ExistingDocuments([] if is_forced else existing_documents(session, *school))
    plan = plan_school(content, renderers.fiches.version)
    production = SchoolProduction(plan, existing, renderers, storage)
    production.run(claim.require_held)
    removed = publish(session, claim.job_id, content, production.documents)
    outcome = count_documents(production.documents) | {
        "failures": len(production.failures),
        "removed": removed,
    }
    return HandlerResult(outcome, production.failures)


def count_documents(documents: Sequence[BuiltDocument]) -> dict[str, int]:
    """Return the number of produced documents by kind, and of unchanged ones."""
    produced = [one.kind for one in documents if not isinstance(one, ExistingDocument)]
    return {
        "fiches": produced.count(DocumentKind.FICHE),
        "overviews": produced.count(DocumentKind.OVERVIEW),
        "ficheBundles": produced.count(DocumentKind.FICHE_BUNDLE),
        "fichePrints": produced.count(DocumentKind.FICHE_PRINT),
        "unchanged": len(documents) - len(produced),
    }
