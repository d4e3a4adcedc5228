"""JSON of problems (RFC 9457, in the words of Belgif), for the OpenAPI document."""

from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from services.api.schemas.model import ResponseModel


class InputValidationIssue(ResponseModel):
    """One fault in what was sent; the value itself is not repeated."""

    type: Annotated[str, Field(examples=["urn:problem-type:belgif:input-validation:unknownInput"])]
    location: Annotated[Literal["body", "header", "path", "query"], Field(alias="in")]
    name: Annotated[str, Field(description="The parameter, or a JSON pointer into the body.")]
    detail: str


class Problem(ResponseModel):
    """What went wrong; may hold more, depending on its type."""

    model_config = ConfigDict(extra="allow")

    type: Annotated[
        str,
        Field(
            json_schema_extra={"format": "uri"},
            examples=["urn:problem-type:belgif:resourceNotFound"],
        ),
    ]
    title: str
    status: Annotated[int, Field(ge=400, le=599)]
    detail: str
    instance: Annotated[
        str,
        Field(
            json_schema_extra={"format": "uri"},
            description="`urn:uuid:` and the trace id of this answer.",
        ),
    ]
    issues: list[InputValidationIssue] | None = None
    required_scopes: Annotated[
        list[str] | None, Field(description="With `missingScope`: of these one is needed.")
    ] = None
    retry_after_sec: Annotated[
        int | None, Field(ge=0, description="With `tooManyRequests`: wait so many seconds.")
    ] = None
