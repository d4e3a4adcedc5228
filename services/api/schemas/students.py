"""JSON of students."""

from typing import Annotated, Self
from uuid import UUID

from pydantic import Field

from services.api.http.links import Links
from services.api.schemas.model import Link, Page, ResponseModel
from shared.students.repository import StudentRow


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
