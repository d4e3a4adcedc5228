"""JSON of the health check."""

from typing import Annotated, Literal

from pydantic import Field

from services.api.schemas.model import ResponseModel


class Health(ResponseModel):
    """The health of the service.

    DEGRADED: the queue or the object store is unavailable, or jobs wait for a server. Metadata can
    be read; downloads may fail, and jobs are late.
    """

    status: Literal["UP", "DEGRADED", "DOWN"]
    waiting_for: Annotated[
        list[str] | None,
        Field(
            description="The servers that jobs wait for, and why.",
            examples=[["object store: no space left on device"]],
        ),
    ] = None
