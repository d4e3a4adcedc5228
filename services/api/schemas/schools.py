"""JSON of schools."""

from typing import Annotated, Self

from pydantic import Field

from services.api.http.links import Links
from services.api.schemas.model import SCHOOL_ID, Link, Page, ResponseModel
from shared.schools.models import School as SchoolRow


class School(ResponseModel):
    """A school (instelling) that takes part in the tests."""

    href: Link
    id: Annotated[
        str,
        Field(
            pattern=SCHOOL_ID,
            description="The school number (instellingsnummer).",
            examples=["000028"],
        ),
    ]
    name: Annotated[str, Field(examples=["Voorbeeldschool"])]
    municipality: Annotated[str, Field(examples=["Voorbeeldgemeente"])]
    main_structure: Annotated[
        str, Field(description="Code of the main structure (hoofdstructuur).", examples=["211"])
    ]
    successor_of: Annotated[
        list[str] | None,
        Field(
            description="Numbers of the schools that this one succeeds; several after a merger.",
            min_length=1,
            max_length=20,
            examples=[["000019", "000027"]],
        ),
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
