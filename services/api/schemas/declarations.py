"""JSON of declarations."""

from datetime import date
from typing import Annotated, Self
from uuid import UUID

from pydantic import Field

from services.api.http.links import Links
from services.api.schemas.model import (
    SCHOOL_ID,
    Link,
    Page,
    RequestBody,
    RequestDate,
    ResponseDateTime,
    ResponseModel,
)
from shared.hand_overs.declarations.repository import DeclarationRow

SCHOOL_YEAR = r"^[0-9]{4}-[0-9]{4}$"

_DECLARED = "The date of the declaration."


class NewDeclaration(RequestBody):
    """A declaration to record; the school is that of the caller."""

    school_year: Annotated[
        str, Field(pattern=SCHOOL_YEAR, description="The current school year or the next.")
    ]
    declared_on: Annotated[
        RequestDate | None, Field(description=f"{_DECLARED[:-1]}; today when absent.")
    ] = None


class Declaration(ResponseModel):
    """The declaration that the school regulations arrange the use of results in class councils.

    Results are one of several elements there, and never the only criterion.
    """

    href: Link
    id: UUID
    school_id: Annotated[str, Field(pattern=SCHOOL_ID)]
    school_year: Annotated[str, Field(pattern=SCHOOL_YEAR)]
    declared_on: Annotated[date, Field(description=_DECLARED)]
    recorded_at: ResponseDateTime
    withdrawn_at: Annotated[
        ResponseDateTime | None, Field(description="When the school withdrew it.")
    ] = None

    @classmethod
    def of(cls, row: DeclarationRow, links: Links) -> Self:
        declaration = row.declaration
        return cls(
            href=links.declaration(declaration.id),
            id=declaration.id,
            school_id=declaration.school_id,
            school_year=declaration.school_year,
            declared_on=declaration.declared_on,
            recorded_at=declaration.recorded_at,
            withdrawn_at=row.withdrawn_at,
        )


class DeclarationPage(Page):
    items: list[Declaration]
