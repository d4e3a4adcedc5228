"""JSON of the health check."""

from typing import Literal

from services.api.schemas.model import ResponseModel


class Health(ResponseModel):
    """DEGRADED: reading works, new jobs start late. Holds nothing of how we are built."""

    status: Literal["UP", "DEGRADED", "DOWN"]
