"""JSON of the health check."""

from typing import Literal

from services.api.schemas.model import ResponseModel


class Health(ResponseModel):
    """The health of the service.

    DEGRADED: the queue or the object store is unavailable. Metadata can be read;
    downloads and jobs may fail or be late.
    """

    status: Literal["UP", "DEGRADED", "DOWN"]
