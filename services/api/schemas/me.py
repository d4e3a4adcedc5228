"""JSON of the caller of a request."""

from typing import Annotated, Self

from pydantic import Field

from services.api.schemas.model import SCHOOL_ID, ResponseModel
from shared.access.rules import Caller


class Me(ResponseModel):
    """The caller, as the access token identifies it."""

    client_id: str
    kind: Annotated[str, Field(description="`school`, `integrator`, `operator` or `officer`.")]
    scopes: Annotated[
        list[str], Field(description="The scopes that the token, the client and the person have.")
    ]
    school_id: Annotated[
        str | None, Field(pattern=SCHOOL_ID, description="The school that the caller acts for.")
    ] = None
    subject: Annotated[
        str | None, Field(description="The person, as identified by the identity provider.")
    ] = None

    @classmethod
    def of(cls, caller: Caller) -> Self:
        return cls(
            client_id=caller.client,
            kind=caller.kind,
            scopes=sorted(caller.scopes),
            school_id=caller.school_id,
            subject=caller.subject,
        )
