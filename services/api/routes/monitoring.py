"""Health, for operations; outside of /v1 and without a token."""

import asyncio

from fastapi import APIRouter
from starlette.responses import JSONResponse, Response

from services.api.dependencies import ResourcesDep
from services.api.http.head import ReadableRoute
from services.api.http.health_checks import PartState
from services.api.operations.problem_responses import problems
from services.api.schemas.health import Health, PartHealth

router = APIRouter(tags=["monitoring"], route_class=ReadableRoute)


@router.get(
    "/health",
    operation_id="checkHealth",
    response_model=Health,
    responses={
        200: {"description": "UP or DEGRADED."},
        503: {"description": "DOWN.", "model": Health},
        **problems("badRequest"),
    },
)
async def check_health(resources: ResourcesDep) -> Response:
    """Check if the API can serve requests, and what is wrong with the servers that it uses.

    It responds within a second: checks run in the background, and each part has the age of its
    result.
    """
    checks = resources.health
    names = {
        "database": checks.database,
        "queue": checks.queue,
        "objectStore": checks.object_store,
        "jobs": checks.jobs,
    }
    states = await asyncio.gather(*(check.state() for check in names.values()))
    parts = dict(zip(names, states, strict=True))
    if parts["database"].reason is not None:
        return _response("DOWN", parts)
    return _response("DEGRADED" if any(part.reason for part in states) else "UP", parts)


@router.get(
    "/health/live",
    operation_id="checkLiveness",
    responses=problems("badRequest"),
    response_model_exclude_none=True,
)
async def check_liveness() -> Health:
    """Check if the process responds; it asks no other server. Restart it when this fails."""
    return Health(status="UP")


@router.get(
    "/health/ready",
    operation_id="checkReadiness",
    response_model=Health,
    responses={503: {"description": "DOWN.", "model": Health}, **problems("badRequest")},
)
async def check_readiness(resources: ResourcesDep) -> Response:
    """Check if the database is available and can be written, which every request needs.

    Send no requests to this process while this fails. The queue and the object store are not
    checked: every other process uses the same ones, and what the database knows can be read
    without them.
    """
    database = await resources.health.database.state()
    return _response("UP" if database.reason is None else "DOWN", {"database": database})


def _response(status: str, parts: dict[str, PartState]) -> Response:
    details = {
        name: PartHealth(
            status="UP" if part.reason is None else "DOWN",
            reason=part.reason,
            age_seconds=round(part.age_seconds, 1),
        )
        for name, part in parts.items()
    }
    health = Health.model_validate({"status": status, "details": details})
    body = health.model_dump(by_alias=True, exclude_none=True)
    return JSONResponse(body, 503 if status == "DOWN" else 200)
