"""Operations on deliveries: submit one, and read its report."""

from http import HTTPStatus
from typing import Any

from fastapi import Request, Response

from services.api.dependencies import LinksDep, ResourcesDep, UnitDep, release_slot_while_waiting
from services.api.http.problems import ServiceUnavailable
from services.api.http.threads import run_in_thread
from services.api.http.uploads import ZIP, delete_on_error, require_zip, store_body
from services.api.operations.idempotency import IdempotencyKey, IdempotentRequest
from services.api.operations.operation import operations, to_response
from services.api.operations.parameters import DeliveryPath
from services.api.operations.problem_responses import BODY_PROBLEMS, problems
from services.api.routes.jobs import ACCEPTED, accepted
from services.api.schemas.deliveries import Delivery
from services.api.schemas.jobs import Job
from services.api.security.authentication import require_scope_left
from services.api.security.permissions import DeliveriesReader, DeliveriesWriter
from shared.access.decisions import act_for, record_change
from shared.access.rules import Scope
from shared.core.unit_of_work import UnitOfWork
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
    responses={**ACCEPTED, **problems(*BODY_PROBLEMS)},
    openapi_extra=_ZIP_BODY,
)
async def create_delivery(
    request: Request,
    access: DeliveriesWriter,
    unit: UnitDep,
    resources: ResourcesDep,
    links: LinksDep,
    response: Response,
    key: IdempotencyKey = None,
) -> Job:
    """Submit a delivery, and start the job that applies it."""
    # The body is stored between two units of work and without a connection slot, so that a slow
    # upload keeps no transaction open and no other request waiting.
    require_zip(request)
    if resources.uploads.locked():
        raise ServiceUnavailable
    async with resources.uploads:
        await run_in_thread(unit.commit)
        async with release_slot_while_waiting(request):
            stored = await store_body(request, resources.storage, UPLOADS)

    def register() -> Job:
        with (
            delete_on_error(resources.storage, stored.key),
            UnitOfWork(resources.sessions) as second,
        ):
            act_for(second, access.caller)
            require_scope_left(second, request, Scope.DELIVERIES_WRITE)
            idempotent = IdempotentRequest.of(request, access, key, stored.sha256)
            idempotent.replay(second)
            client, trace_id = access.caller.client, access.trace_id
            job = receive_delivery(second, resources.queue, stored.key, client, trace_id)
            record_change(second, access, access.action, f"/v1/deliveries/{job.subject}")
            accepted_job = accepted(second.session, job, links, request, response)
            idempotent.store(second, to_response(accepted_job, HTTPStatus.ACCEPTED, response))
            return accepted_job

    return await run_in_thread(register)


@router.get("/deliveries/{deliveryId}")
def get_delivery(
    delivery_id: DeliveryPath, _: DeliveriesReader, unit: UnitDep, links: LinksDep
) -> Delivery:
    """Return a delivery with its report."""
    return Delivery.of(service.read_delivery(unit.session, delivery_id), links)
