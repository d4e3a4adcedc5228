"""JSON of schools."""

from typing import Annotated, Self

from pydantic import Field

from services.api.http.links import Links
from services.api.schemas.model import SCHOOL_ID, Link, Page, ResponseModel
from shared.schools.models import School as SchoolRow


class School(ResponseModel):
    """A school (instelling) that takes part."""

    href: Link
    id: Annotated[
        str, Field(pattern=SCHOOL_ID, description="Instellingsnummer.", examples=["000028"])
    ]
    name: Annotated[str, Field(examples=["Voorbeeldschool"])]
    municipality: Annotated[str, Field(examples=["Voorbeeldgemeente"])]
    main_structure: Annotated[str, Field(description="Hoofdstructuur.", examples=["211"])]
    successor_of: Annotated[
        str | None, Field(description="Number of the school that this one continues.")
    ] = None

    @classmethod
    def of(cls, school: SchoolRow, links: Links) -> Self:
        return cls(
            href=links.school(school.id),
            id=school.id,
            name=school.name,
            municipality=school.municipality,
            main_structure=school.main_structure,
            successor_of=school.successor_of,
        )


class SchoolPage(Page):
    items: list[School]
