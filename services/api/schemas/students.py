"""JSON of students."""

from typing import Annotated, Self
from uuid import UUID

from pydantic import Field

from services.api.http.links import Links
from services.api.schemas.model import (
    AdministrationId,
    Link,
    Page,
    RequestBody,
    ResponseModel,
)
from shared.core.plain_text import PLAIN_TEXT
from shared.students.repository import MAX_FOUND, ClassGroupRow, StudentRow


class Student(ResponseModel):
    """A student as enrolled in a school for an administration; without results."""

    href: Link
    id: UUID
    school_id: str
    administration_id: str
    class_group: Annotated[str, Field(examples=["4A"])]
    site: Annotated[str | None, Field(description="Number of the site (vestigingsplaats).")] = None
    site_name: str | None = None
    family_name: Annotated[str, Field(examples=["Achternaam"])]
    given_name: Annotated[str, Field(examples=["Voornaam"])]
    stamnummer: Annotated[
        str | None, Field(description="The number that the school gave the student.")
    ] = None

    @classmethod
    def of(cls, row: StudentRow, links: Links) -> Self:
        student, class_group = row
        return cls(
            href=links.student(student.id),
            id=student.id,
            school_id=student.school_id,
            administration_id=student.administration_id,
            class_group=class_group.name,
            site=class_group.site,
            site_name=class_group.site_name,
            family_name=student.family_name,
            given_name=student.given_name,
            stamnummer=student.stamnummer,
        )


class StudentPage(Page):
    items: list[Student]


class StudentSearch(RequestBody):
    """A search for students of a school by name; in a body, since a URL names no person."""

    administration_id: AdministrationId
    name: Annotated[
        str,
        Field(
            min_length=1,
            max_length=100,
            pattern=PLAIN_TEXT,
            description="Beginnings of words of the family name and the given name.",
            examples=["achter voor"],
        ),
    ]


class FoundStudents(ResponseModel):
    """The students that were found, as in class lists."""

    items: Annotated[
        list[Student], Field(description=f"The first {MAX_FOUND}; search for more letters then.")
    ]


class ClassGroup(ResponseModel):
    """A class group (klas) of a school in an administration."""

    administration_id: str
    class_group: Annotated[str, Field(examples=["4A"])]
    site: Annotated[str | None, Field(description="Number of the site (vestigingsplaats).")] = None
    site_name: str | None = None
    students: Annotated[int, Field(ge=0, description="Number of students.")]

    @classmethod
    def of(cls, row: ClassGroupRow) -> Self:
        class_group, students = row
        return cls(
            administration_id=class_group.administration_id,
            class_group=class_group.name,
            site=class_group.site,
            site_name=class_group.site_name,
            students=students,
        )


class ClassGroupPage(Page):
    items: list[ClassGroup]
