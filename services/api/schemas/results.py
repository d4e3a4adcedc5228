"""JSON of results: a level per component, never a score."""

from collections.abc import Sequence
from functools import lru_cache
from itertools import groupby
from operator import attrgetter
from typing import Annotated, Any, Self
from uuid import UUID

from pydantic import Field

from services.api.http.links import Links
from services.api.http.pages import PageRequest
from services.api.schemas.model import Link, Page, ResponseModel
from shared.core.paging import Page as ListPage
from shared.results import repository
from shared.results.repository import ComponentResult


class LevelReached(ResponseModel):
    """A level of the component's scale; the codes are data, not a fixed list."""

    code: Annotated[str, Field(examples=["C"])]
    label: Annotated[str, Field(examples=["Niveau C"])]
    ordinal: Annotated[int, Field(ge=1, description="Rank on the scale; 1 is the lowest.")]
    description: Annotated[
        str | None, Field(description="The abilities of a student at this level in this component.")
    ] = None


class StudentReference(ResponseModel):
    id: UUID
    href: Link


class Result(ResponseModel):
    """The result of a student for a component."""

    student: StudentReference
    administration_id: str
    class_group: str
    component: Annotated[str, Field(description="Code of the component.")]
    component_name: str
    subject: Annotated[str, Field(examples=["nederlands"])]
    status: Annotated[
        str,
        Field(
            description="Only `reported` has a level; the others are `absent`, `exempt`, "
            "`notCompleted`, `notAssigned` and `withheld`."
        ),
    ]
    level: LevelReached | None = None


class ResultPage(Page):
    items: list[Result]

    @classmethod
    def of(cls, found: ListPage[ComponentResult], page: PageRequest, links: Links) -> Self:
        """Return a page of results ordered by student, validated in one call."""
        students = groupby(found.rows, key=attrgetter("student_id.int"))
        items = [item for _, own in students for item in _results_of_student([*own], links)]
        return cls.model_validate({"items": items, **page.metadata(found)})


def _results_of_student(results: Sequence[ComponentResult], links: Links) -> list[dict[str, Any]]:
    """Return the fields of `Result` for the results of one student."""
    student_id = results[0].student_id
    student = StudentReference(id=student_id, href=links.student(student_id))
    return [
        {
            "student": student,
            "administration_id": result.administration_id,
            "class_group": result.class_group,
            "component": result.component,
            "component_name": result.component_name,
            "subject": result.subject,
            "status": result.status,
            "level": result.level and _level(result.level),
        }
        for result in results
    ]


@lru_cache(maxsize=1024)
def _level(reached: repository.LevelReached) -> LevelReached:
    """Return a level; cached, since many results have the same few levels."""
    return LevelReached(**reached._asdict())
