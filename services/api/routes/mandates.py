"""Operations on mandates: the products that a school shares with an integrator."""

from fastapi import Response

from services.api.dependencies import LinksDep, ResourcesDep, UnitDep
from services.api.operations.idempotency import IdempotencyDep
from services.api.operations.operation import operations
from services.api.operations.pagination import PageDep
from services.api.operations.parameters import MandatePath, ReferenceDateQuery
from services.api.operations.problem_responses import problems
from services.api.operations.response_headers import headers
from services.api.schemas.mandates import Mandate, MandateChange, MandatePage, NewMandate
from services.api.security.permissions import MandatesReader, MandatesWriter
from shared.mandates import service

router = operations("mandates")

_LOCATION = headers("Location")


@router.get("/mandates")
def list_mandates(
    access: MandatesReader,
    unit: UnitDep,
    page: PageDep,
    links: LinksDep,
    reference_date: ReferenceDateQuery = None,
) -> MandatePage:
    """List the mandates given by the caller's school, or to the calling integrator."""
    found = service.list_mandates(unit.session, access, reference_date, page.selection)
    items = [Mandate.of(view, links) for view in found.rows]
    return MandatePage(items=items, **page.metadata(found))


@router.get("/mandates/{mandateId}")
def get_mandate(
    mandate_id: MandatePath, access: MandatesReader, unit: UnitDep, links: LinksDep
) -> Mandate:
    """Return one mandate."""
    return Mandate.of(service.read_mandate(unit, access, mandate_id), links)


@router.post(
    "/mandates",
    status_code=201,
    responses={201: {"headers": _LOCATION}, **problems("mandateOverlaps")},
)
def create_mandate(
    mandate: NewMandate,
    access: MandatesWriter,
    unit: UnitDep,
    resources: ResourcesDep,
    _idempotency: IdempotencyDep,
    links: LinksDep,
    response: Response,
) -> Mandate:
    """Share products of the caller's own school with an integrator; takes effect at once."""
    given = service.give_mandate(unit, access, mandate.plan(), resources.mandate_max_days)
    created = Mandate.of(given, links)
    response.headers["Location"] = created.href
    return created


@router.patch("/mandates/{mandateId}", responses=problems("mandateOver"))
def shorten_mandate(
    mandate_id: MandatePath,
    change: MandateChange,
    access: MandatesWriter,
    unit: UnitDep,
    links: LinksDep,
) -> Mandate:
    """End a mandate on an earlier day, today at the earliest."""
    view = service.shorten_mandate(unit, access, mandate_id, change.until)
    return Mandate.of(view, links)


@router.post("/mandates/{mandateId}/revoke", responses=problems("mandateOver"))
def revoke_mandate(
    mandate_id: MandatePath, access: MandatesWriter, unit: UnitDep, links: LinksDep
) -> Mandate:
    """End a mandate now, also for issued tokens and running downloads."""
    return Mandate.of(service.revoke_mandate(unit, access, mandate_id), links)
