"""Operations on deliveries: submit one, and read its report."""

from typing import Any

from fastapi import Request, Response

from services.api.http.problems import ServiceUnavailable
from services.api.http.threads import run_in_thread
from services.api.http.uploads import ZIP, delete_on_error, require_zip, store_body
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
    ResourcesDep,
    SessionDep,
    release_slot_while_waiting,
)
from shared.core.database import end_at_once
from shared.deliveries.uploads import UPLOADS, receive_delivery
from shared.results import service

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
    resources: ResourcesDep,
    links: LinksDep,
    response: Response,
    key: IdempotencyKey = None,
) -> Job:
    """Submit a delivery, and start the job that applies it.

    The body is stored between two transactions and without a connection slot, so that a slow
    upload keeps no transaction open and delays no other request.
    """
    require_zip(request)
    if resources.uploads.locked():
        raise ServiceUnavailable
    async with resources.uploads:
        await run_in_thread(end_at_once, session)
        async with release_slot_while_waiting(resources):
            stored = await store_body(request, resources.storage, UPLOADS)

    def register() -> Job:
        with delete_on_error(resources.storage, stored.key):
            require_token_not_taken_back(session, request)
            answer_once(request, session, inquiry, key, stored.sha256)
            job = receive_delivery(session, resources.queue, stored.key, inquiry.actor.client)
            return accepted(session, job, links, response)

    return await run_in_thread(register)


@router.get("/deliveries/{deliveryId}")
def get_delivery(
    delivery_id: DeliveryPath, _: DeliveriesReader, session: SessionDep, links: LinksDep
) -> Delivery:
    """Get a delivery and its report."""
    return Delivery.of(service.read_delivery(session, delivery_id), links)
