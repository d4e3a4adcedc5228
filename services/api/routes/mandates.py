"""Operations on mandates: what a school shares with an integrator."""

from fastapi import Response

from services.api.operations.idempotency import MandatesCreator
from services.api.operations.operation import operations, problems
from services.api.operations.parameters import MandatePath, ReferenceDateQuery
from services.api.schemas.mandates import Mandate, MandateChange, MandatePage, NewMandate
from services.api.security.permissions import (
    LinksDep,
    MandatesReader,
    MandatesWriter,
    PageDep,
    SessionDep,
)
from shared.mandates import service

router = operations("mandates")

_LOCATION = {"Location": {"schema": {"type": "string", "format": "uri"}}}


@router.get("/mandates")
def list_mandates(
    inquiry: MandatesReader,
    session: SessionDep,
    page: PageDep,
    links: LinksDep,
    reference_date: ReferenceDateQuery = None,
) -> MandatePage:
    """List the mandates of the caller: given by a school, or to an integrator."""
    total, views = service.list_mandates(
        session, inquiry.actor, reference_date, page.offset, page.size
    )
    return MandatePage(items=[Mandate.of(view, links) for view in views], **page.metadata(total))


@router.get("/mandates/{mandateId}")
def get_mandate(
    mandate_id: MandatePath, inquiry: MandatesReader, session: SessionDep, links: LinksDep
) -> Mandate:
    """Get a mandate."""
    return Mandate.of(service.read_mandate(session, inquiry, mandate_id), links)


@router.post(
    "/mandates",
    status_code=201,
    responses={201: {"headers": _LOCATION}, **problems(409, 413, 415, 422)},
)
def create_mandate(
    mandate: NewMandate,
    inquiry: MandatesCreator,
    session: SessionDep,
    links: LinksDep,
    response: Response,
) -> Mandate:
    """Give an integrator access to products of the caller's school; takes effect at once."""
    created = Mandate.of(service.give_mandate(session, inquiry.actor, mandate.plan()), links)
    response.headers["Location"] = created.href
    return created


@router.patch("/mandates/{mandateId}", responses=problems(409, 413, 415))
def shorten_mandate(
    mandate_id: MandatePath,
    change: MandateChange,
    inquiry: MandatesWriter,
    session: SessionDep,
    links: LinksDep,
) -> Mandate:
    """Shorten a mandate to an earlier last day, today at the earliest."""
    view = service.shorten_mandate(session, inquiry, mandate_id, change.until)
    return Mandate.of(view, links)


@router.post("/mandates/{mandateId}/revoke", responses=problems(409))
def revoke_mandate(
    mandate_id: MandatePath, inquiry: MandatesWriter, session: SessionDep, links: LinksDep
) -> Mandate:
    """Revoke a mandate now, also for issued tokens and running downloads."""
    return Mandate.of(service.revoke_mandate(session, inquiry, mandate_id), links)
