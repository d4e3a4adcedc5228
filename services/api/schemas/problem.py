"""JSON of problems (RFC 9457, by the Belgif guide), for the OpenAPI document."""

from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from services.api.schemas.model import ResponseModel


class InputValidationIssue(ResponseModel):
    """One fault in the input; its value is not repeated."""

    type: Annotated[str, Field(examples=["urn:problem-type:belgif:input-validation:unknownInput"])]
    location: Annotated[Literal["body", "header", "path", "query"], Field(alias="in")]
    name: Annotated[
        str, Field(description="Name of the parameter, or JSON pointer to the part of the body.")
    ]
    detail: str


class Problem(ResponseModel):
    """A problem (RFC 9457); some types have further members."""

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
            description="`urn:uuid:` followed by the trace id of this response.",
        ),
    ]
    issues: list[InputValidationIssue] | None = None
    required_scopes: Annotated[
        list[str] | None, Field(description="With `missingScope`: one of these is required.")
    ] = None
    retry_after_sec: Annotated[
        int | None,
        Field(ge=0, description="With `tooManyRequests`: seconds to wait before the next request."),
    ] = None
