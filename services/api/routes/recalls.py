"""Operations on recalls: close what has been released, at once."""

from services.api.dependencies import LinksDep, UnitDep
from services.api.operations.idempotency import IdempotencyDep
from services.api.operations.operation import operations
from services.api.operations.pagination import PageDep
from services.api.operations.parameters import AdministrationQuery, RecallPath
from services.api.schemas.recalls import NewRecall, NewRecalls, Recall, RecallPage
from services.api.security.permissions import ReleasePlansReader, ReleasesWriter
from shared.release_plans import recalls

router = operations("releasePlans")


@router.get("/recalls")
def list_recalls(
    _: ReleasePlansReader,
    unit: UnitDep,
    page: PageDep,
    links: LinksDep,
    administration_id: AdministrationQuery = None,
) -> RecallPage:
    """List the recalls, newest first."""
    found = recalls.list_recalls(unit.session, administration_id, page.selection)
    items = [Recall.of(view, links) for view in found.rows]
    return RecallPage(items=items, **page.metadata(found))


@router.get("/recalls/{recallId}")
def get_recall(
    recall_id: RecallPath, _: ReleasePlansReader, unit: UnitDep, links: LinksDep
) -> Recall:
    """Return one recall."""
    return Recall.of(recalls.read_recall(unit.session, recall_id), links)


@router.post("/recalls", status_code=201)
def create_recall(
    new: NewRecall,
    access: ReleasesWriter,
    unit: UnitDep,
    _idempotency: IdempotencyDep,
    links: LinksDep,
) -> NewRecalls:
    """Recall what is released, or would be; takes effect at once, for running downloads too.

    Plan a moment in `reopenings` of the release plan to end it, with new approvals.
    """
    made = recalls.recall(unit, access, new.facts())
    return NewRecalls(items=[Recall.of(view, links) for view in made])
