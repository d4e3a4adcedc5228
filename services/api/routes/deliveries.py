"""Operations on deliveries: hand one over, and read what came of it."""

from typing import Any

from fastapi import Request, Response
from starlette.concurrency import run_in_threadpool

from services.api.dependencies import (
    DeliveriesReader,
    DeliveriesWriter,
    LinksDep,
    PartsDep,
    SessionDep,
)
from services.api.links import Links
from services.api.parameters import DeliveryPath
from services.api.parts import Parts
from services.api.routes.jobs import ACCEPTED, accepted
from services.api.routing import operations, problems
from services.api.schemas.deliveries import Delivery
from services.api.schemas.jobs import Job
from services.api.uploads import ZIP, kept_only_if_done, require_zip, store_body
from shared.audit.service import Actor
from shared.core.database import act_for, transaction
from shared.results import service
from shared.results.handover import UPLOADS, receive_delivery

router = operations("deliveries")

_ZIP_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "description": "A delivery as one ZIP file.",
        "content": {ZIP: {"schema": {"type": "string", "format": "binary"}}},
    }
}


@router.post(
    "/deliveries",
    status_code=202,
    responses={**ACCEPTED, **problems(413, 415)},
    openapi_extra=_ZIP_BODY,
)
async def create_delivery(
    request: Request,
    inquiry: DeliveriesWriter,
    parts: PartsDep,
    links: LinksDep,
    response: Response,
) -> Job:
    """Takes a delivery in, and starts the job that applies it.

    The body is stored before any transaction begins, so that a slow upload holds none open.
    """
    require_zip(request)
    key = await store_body(request, parts.storage, UPLOADS)
    return await run_in_threadpool(_register, parts, key, inquiry.actor, links, response)


def _register(parts: Parts, key: str, actor: Actor, links: Links, response: Response) -> Job:
    with kept_only_if_done(parts.storage, key), transaction(parts.sessions) as session:
        act_for(session, actor.client, actor.kind, actor.organisation)
        job = receive_delivery(session, parts.queue, key, actor.client)
        return accepted(session, job, links, response)


@router.get("/deliveries/{deliveryId}")
def get_delivery(
    delivery_id: DeliveryPath, _: DeliveriesReader, session: SessionDep, links: LinksDep
) -> Delivery:
    """A delivery and its report."""
    return Delivery.of(service.read_delivery(session, delivery_id), links)
