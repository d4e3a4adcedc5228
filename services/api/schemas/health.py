"""JSON of the health check."""

from typing import Annotated, Literal

from pydantic import Field

from services.api.schemas.model import ResponseModel


class PartHealth(ResponseModel):
    """The health of a server that the API uses."""

    status: Literal["UP", "DOWN"]
    reason: Annotated[str | None, Field(description="What is wrong.", examples=["read-only"])] = (
        None
    )
    age_seconds: Annotated[
        float, Field(description="How long ago the server was last found to be up or down.")
    ]


class Health(ResponseModel):
    """The health of the service.

    DEGRADED: the queue or the object store is unavailable, or jobs wait for a server. Metadata can
    be read; downloads may fail, and jobs are late.
    """

    status: Literal["UP", "DEGRADED", "DOWN"]
    details: Annotated[
        dict[str, PartHealth] | None,
        Field(
            description="The servers by name, `database`, `queue` and `objectStore`; and `jobs`, "
            "which are DOWN while they wait for a server that `reason` names."
        ),
    ] = None
