"""JSON of administrations, and of the code lists of their results."""

from datetime import date
from typing import Annotated, Self

from pydantic import Field

from services.api.schemas.model import Page, ResponseModel
from shared.results.models import Administration as AdministrationRow
from shared.results.models import Level as LevelRow
from shared.results.repository import ComponentRow


class Administration(ResponseModel):
    """An administration of the tests (afname), once a year."""

    id: Annotated[str, Field(examples=["2024"])]
    name: str
    school_year: Annotated[str, Field(examples=["2023-2024"])]
    tested_from: date
    tested_until: date

    @classmethod
    def of(cls, administration: AdministrationRow) -> Self:
        return cls(
            id=administration.id,
            name=administration.name,
            school_year=administration.school_year,
            tested_from=administration.tested_from_on,
            tested_until=administration.tested_until_on,
        )


class AdministrationPage(Page):
    items: list[Administration]


class Level(ResponseModel):
    """A level of a scale; `attainsBasicLiteracy` and `attainsFinalObjectives` may be absent."""

    code: str
    label: str
    ordinal: Annotated[int, Field(ge=1, description="Rank on the scale; 1 is the lowest.")]
    attains_basic_literacy: Annotated[
        bool | None, Field(description="Attains basic literacy (basisgeletterdheid).")
    ] = None
    attains_final_objectives: Annotated[
        bool | None, Field(description="Attains the final objectives (eindtermen).")
    ] = None


class LevelScale(ResponseModel):
    code: Annotated[str, Field(examples=["LO"])]
    levels: Annotated[list[Level], Field(description="From lowest to highest.")]

    @classmethod
    def of(cls, scale: tuple[str, list[LevelRow]]) -> Self:
        code, levels = scale
        return cls(
            code=code,
            levels=[
                Level(
                    code=level.code,
                    label=level.label,
                    ordinal=level.ordinal,
                    attains_basic_literacy=level.attains_basic_literacy,
                    attains_final_objectives=level.attains_final_objectives,
                )
                for level in levels
            ],
        )


class LevelScales(ResponseModel):
    items: list[LevelScale]
    total: int


class Component(ResponseModel):
    """A part of the tests with its own level."""

    code: Annotated[str, Field(examples=["LO4-LEZ"])]
    name: str
    subject: Annotated[str, Field(examples=["nederlands"])]
    target_group: Annotated[str, Field(examples=["LO4"])]
    level_scale: Annotated[str, Field(examples=["LO"])]

    @classmethod
    def of(cls, row: ComponentRow) -> Self:
        component, target_group = row
        return cls(
            code=component.code,
            name=component.name,
            subject=component.subject,
            target_group=target_group,
            level_scale=component.level_scale,
        )


class Components(ResponseModel):
    items: list[Component]
    total: int
