"""SQL of students as they are now: what a later delivery removed is left out."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Row, Select, and_, func, select
from sqlalchemy.orm import Session

from shared.core.paging import page_of_rows
from shared.schools.models import Participation
from shared.students.models import ClassGroup, Student

StudentRow = Row[Student, ClassGroup]


@dataclass(frozen=True, slots=True)
class Cohort:
    """The students of one school, or those of one administration or class group (by its name)."""

    school_id: str
    administration_id: str | None = None
    class_group: str | None = None


def student_is_present() -> ColumnElement[bool]:
    """For queries that join Student, ClassGroup and Participation: none of them is removed."""
    return and_(
        Student.removed_at.is_(None),
        ClassGroup.removed_at.is_(None),
        Participation.removed_at.is_(None),
    )


def takes_part_with(enrolled: type[Student] | type[ClassGroup]) -> ColumnElement[bool]:
    """The join from a student or class group to the participation of its school."""
    return and_(
        Participation.administration_id == enrolled.administration_id,
        Participation.school_id == enrolled.school_id,
    )


def is_in(cohort: Cohort) -> list[ColumnElement[bool]]:
    """Conditions of a query that joins Student and ClassGroup."""
    conditions = [Student.school_id == cohort.school_id]
    if cohort.administration_id is not None:
        conditions.append(Student.administration_id == cohort.administration_id)
    if cohort.class_group is not None:
        conditions.append(ClassGroup.name == cohort.class_group)
    return conditions


def in_reading_order() -> tuple[ColumnElement[Any], ...]:
    """By class group, then by name; the id makes it one order for every page."""
    return (
        Student.administration_id.expression,
        func.lower(ClassGroup.name),
        func.lower(Student.family_name),
        func.lower(Student.given_name),
        Student.id.expression,
    )


def find_student(session: Session, student_id: UUID) -> StudentRow | None:
    return session.execute(_present().where(Student.id == student_id)).one_or_none()


def school_of_student(session: Session, student_id: UUID) -> str | None:
    """For the trail of a refusal; nothing else is told of who the caller may not see."""
    return session.scalar(select(func.school_of_student(student_id)))


def page_of_students(
    session: Session, cohort: Cohort, offset: int, limit: int
) -> tuple[int, Sequence[StudentRow]]:
    """How many students the cohort has, and a page of them."""
    students = _present().where(*is_in(cohort))
    return page_of_rows(session, students.order_by(*in_reading_order()), offset, limit)


def _present() -> Select[Student, ClassGroup]:
    return (
        select(Student, ClassGroup)
        .join(ClassGroup, ClassGroup.id == Student.class_group_id)
        .join(Participation, takes_part_with(Student))
        .where(student_is_present())
    )
