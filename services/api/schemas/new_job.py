"""JSON of a request for a job."""

from typing import Annotated, Any, Literal

from pydantic import Field, ValidationInfo, field_validator

from services.api.schemas.model import SCHOOL_ID, AdministrationId, RequestBody
from shared.jobs.rules import COMPUTE_FEEDBACK


class NewJob(RequestBody):
    """A request for work about an administration, or about one of its schools.

    `documents.build` builds the documents, and `feedback.compute` computes the school feedback.
    """

    kind: Literal["documents.build", "feedback.compute"]
    administration_id: AdministrationId
    school_id: Annotated[
        str | None, Field(pattern=SCHOOL_ID, description="All schools when absent.")
    ] = None
    force: Annotated[bool, Field(description="Also rebuild documents that have not changed.")] = (
        False
    )

    @field_validator("force")
    @classmethod
    def _refuse_for_figures(cls, value: Any, info: ValidationInfo) -> Any:
        if value and info.data.get("kind") == COMPUTE_FEEDBACK:
            raise ValueError("Figures are always computed from the facts; leave it out.")
        return value
