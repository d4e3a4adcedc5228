"""JSON of results: a level per component, never a score."""

from typing import Annotated, Self
from uuid import UUID

from pydantic import Field

from services.api.links import Links
from services.api.schemas.model import Answer, Link, Page
from shared.results.repository import ComponentResult


class LevelReached(Answer):
    """A level of the component's scale; its codes are delivered data, not a fixed list."""

    code: Annotated[str, Field(examples=["C"])]
    label: Annotated[str, Field(examples=["Niveau C"])]
    ordinal: Annotated[int, Field(ge=1, description="Place on the scale; 1 is the lowest.")]
    description: Annotated[
        str | None, Field(description="What a student at this level can do in this component.")
    ] = None


class StudentReference(Answer):
    id: UUID
    href: Link


class Result(Answer):
    """What one student got for one component."""

    student: StudentReference
    administration_id: str
    class_group: str
    component: Annotated[str, Field(description="Code of the component.")]
    component_name: str
    subject: Annotated[str, Field(examples=["nederlands"])]
    status: Annotated[
        str,
        Field(
            description="`reported` is the only one with a level; others are `absent`, `exempt`, "
            "`notCompleted`, `notAssigned` and `withheld`."
        ),
    ]
    level: LevelReached | None = None

    @classmethod
    def of(cls, result: ComponentResult, links: Links) -> Self:
        reached = result.level
        level = reached and LevelReached(
            code=reached.code,
            label=reached.label,
            ordinal=reached.ordinal,
            description=reached.description,
        )
        return cls(
            student=StudentReference(id=result.student_id, href=links.student(result.student_id)),
            administration_id=result.administration_id,
            class_group=result.class_group,
            component=result.component,
            component_name=result.component_name,
            subject=result.subject,
            status=result.status,
            level=level,
        )


class ResultPage(Page):
    items: list[Result]
