"""Health, for operations; outside of /v1 and without a token."""

import structlog
from fastapi import APIRouter
from obstore.exceptions import BaseError as StoreError
from redis.exceptions import RedisError
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from starlette.responses import JSONResponse, Response

from services.api.dependencies import ResourcesDep
from services.api.http.head import ReadableRoute
from services.api.operations.problem_responses import problems
from services.api.resources import Resources
from services.api.schemas.health import Health
from shared.core.database import DATABASE_UNAVAILABLE
from shared.core.errors import ConfigurationError
from shared.core.logging import describe_error
from shared.core.unit_of_work import UnitOfWork
from shared.jobs.monitoring import waiting_items

logger = structlog.get_logger(__name__)

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
def check_health(resources: ResourcesDep) -> Response:
    """Check if the API can serve requests."""
    if not _is_database_available(resources):
        return JSONResponse({"status": "DOWN"}, 503)
    waiting_for = _waiting_for(resources)
    is_up = _is_queue_available(resources) and _is_storage_available(resources)
    state = {"status": "UP" if is_up and not waiting_for else "DEGRADED"}
    return JSONResponse(state | ({"waitingFor": waiting_for} if waiting_for else {}))


@router.get("/health/live", operation_id="checkLiveness", responses=problems("badRequest"))
def check_liveness() -> Health:
    """Check if the process responds; it asks no other server. Restart it when this fails."""
    return Health(status="UP")


@router.get(
    "/health/ready",
    operation_id="checkReadiness",
    response_model=Health,
    responses={503: {"description": "DOWN.", "model": Health}, **problems("badRequest")},
)
def check_readiness(resources: ResourcesDep) -> Response:
    """Check if the database is available, which every request needs.

    Send no requests to this process while this fails. The queue and the object store are not
    checked: every other process uses the same ones.
    """
    is_ready = _is_database_available(resources)
    return JSONResponse({"status": "UP" if is_ready else "DOWN"}, 200 if is_ready else 503)


def _is_database_available(resources: Resources) -> bool:
    try:
        with resources.engine.connect() as connection:
            connection.execute(text("select 1"))
    except (SQLAlchemyError, ConfigurationError) as error:
        logger.error("database_unreachable", **describe_error(error))  # noqa: TRY400  # a traceback may quote a row
        return False
    return True


def _waiting_for(resources: Resources) -> list[str]:
    """Return the servers that jobs wait for, which workers see and this process may not."""
    try:
        with UnitOfWork(resources.sessions) as unit:
            return list(waiting_items(unit.session))
    except DATABASE_UNAVAILABLE as error:
        logger.error("database_unreachable", **describe_error(error))  # noqa: TRY400  # as above
        return []


def _is_queue_available(resources: Resources) -> bool:
    try:
        resources.broker.client.ping()
    except RedisError as error:
        logger.error("queue_unreachable", **describe_error(error))  # noqa: TRY400  # as above
        return False
    return True


def _is_storage_available(resources: Resources) -> bool:
    try:
        resources.storage.check()
    except (StoreError, OSError) as error:
        logger.error("store_unreachable", **describe_error(error))  # noqa: TRY400  # as above
        return False
    return True
