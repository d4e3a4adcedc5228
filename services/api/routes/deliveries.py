"""Operations on deliveries: hand one over, and read what came of it."""

from typing import Any

from fastapi import Request, Response

from services.api.http.problems import ServiceUnavailable
from services.api.http.threads import in_thread
from services.api.http.uploads import ZIP, kept_only_if_done, require_zip, store_body
from services.api.operations.idempotency import IdempotencyKey, answer_once
from services.api.operations.operation import operations, problems
from services.api.operations.parameters import DeliveryPath
from services.api.routes.jobs import ACCEPTED, accepted
from services.api.schemas.deliveries import Delivery
from services.api.schemas.jobs import Job
from services.api.security.authentication import require_token_not_taken_back
from services.api.security.permissions import (
    DeliveriesReader,
    DeliveriesWriter,
    LinksDep,
    PartsDep,
    SessionDep,
    turn_given_back,
)
from shared.core.database import end_at_once
from shared.deliveries import service
from shared.deliveries.uploads import UPLOADS, receive_delivery

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
    responses={**ACCEPTED, **problems(409, 413, 415, 422)},
    openapi_extra=_ZIP_BODY,
)
async def create_delivery(
    request: Request,
    inquiry: DeliveriesWriter,
    session: SessionDep,
    parts: PartsDep,
    links: LinksDep,
    response: Response,
    key: IdempotencyKey = None,
) -> Job:
    """Takes a delivery in, and starts the job that applies it.

    The body is stored between two transactions and outside the request's turn, so that a slow
    upload holds no transaction open and keeps nobody waiting.
    """
    require_zip(request)
    if parts.uploads.locked():
        raise ServiceUnavailable
    async with parts.uploads:
        await in_thread(end_at_once, session)
        async with turn_given_back(parts):
            stored = await store_body(request, parts.storage, UPLOADS)

    def register() -> Job:
        with kept_only_if_done(parts.storage, stored.key):
            require_token_not_taken_back(session, request)
            answer_once(request, session, inquiry, key, stored.sha256)
            job = receive_delivery(session, parts.queue, stored.key, inquiry.actor.client)
            return accepted(session, job, links, response)

    return await in_thread(register)


@router.get("/deliveries/{deliveryId}")
def get_delivery(
    delivery_id: DeliveryPath, _: DeliveriesReader, session: SessionDep, links: LinksDep
) -> Delivery:
    """A delivery and its report."""
    return Delivery.of(service.read_delivery(session, delivery_id), links)
