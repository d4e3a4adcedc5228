"""JSON of the health check."""

from typing import Literal

from services.api.schemas.model import ResponseModel


class Health(ResponseModel):
    """The health of the service. DEGRADED: reads work, new jobs may start late."""

    status: Literal["UP", "DEGRADED", "DOWN"]
