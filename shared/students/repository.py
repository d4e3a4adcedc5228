"""SQL of current students, without those that a later delivery removed."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import ColumnElement, Select, Uuid, and_, bindparam, func, select
from sqlalchemy.orm import Session

from shared.core.collation import words_of
from shared.core.paging import ListOrder, Page, PageSelection, page_of_rows
from shared.schools.models import Participation
from shared.students.models import ClassGroup, Student

_CLASS_LISTS = ListOrder(Student.administration_id, Student.sort_key)
_CLASS_GROUPS = ListOrder(ClassGroup.administration_id, ClassGroup.sort_key, ClassGroup.id)
MAX_FOUND = 50


class StudentRow(NamedTuple):
    """A student with the class group."""

    student: Student
    class_group: ClassGroup


class ClassGroupRow(NamedTuple):
    """A class group, and the number of its students."""

    class_group: ClassGroup
    students: int


@dataclass(frozen=True, slots=True)
class Cohort:
    """The students of one school, or those of one administration or class group (by its name)."""

    school_id: str
    administration_id: str | None = None
    class_group: str | None = None


def student_is_present() -> ColumnElement[bool]:
    """Build the condition that none of Student, ClassGroup and Participation is removed."""
    return and_(
        Student.removed_at.is_(None),
        ClassGroup.removed_at.is_(None),
        Participation.removed_at.is_(None),
    )


def takes_part_with(enrolled: type[Student] | type[ClassGroup]) -> ColumnElement[bool]:
    """Build the join from a student or class group to the participation of its school."""
    return and_(
        Participation.administration_id == enrolled.administration_id,
        Participation.school_id == enrolled.school_id,
    )


def is_in(cohort: Cohort) -> list[ColumnElement[bool]]:
    """Build the conditions of a query that joins Student and ClassGroup."""
    conditions = [Student.school_id == cohort.school_id]
    if cohort.administration_id is not None:
        conditions.append(Student.administration_id == cohort.administration_id)
    if cohort.class_group is not None:
        conditions.append(ClassGroup.name == cohort.class_group)
    return conditions


def visible_student() -> Select[Student, ClassGroup]:
    """Build the query of the student `student_id`, within the reach of the transaction's caller.

    Reach is computed for every id, so that the time tells nothing about one out of reach.
    """
    sought = func.visible_student(bindparam("student_id", type_=Uuid))
    return _present().where(Student.id == select(sought).scalar_subquery())


def find_student(session: Session, student_id: UUID) -> StudentRow | None:
    """Return a student within the reach of the transaction's caller."""
    row = session.execute(_VISIBLE_STUDENT, {"student_id": student_id}).one_or_none()
    return None if row is None else StudentRow(*row)


def school_of_student(session: Session, student_id: UUID) -> str | None:
    """Return the school of a student that the caller may not see, for the audit log only."""
    return session.scalar(select(func.school_of_student(student_id)))


def page_of_students(
    session: Session, cohort: Cohort, selection: PageSelection
) -> Page[StudentRow]:
    """Return a page of the students of the cohort by class group and name."""
    students = _present().where(*is_in(cohort))
    return page_of_rows(session, students, _CLASS_LISTS, selection).map(StudentRow._make)


def page_of_class_groups(
    session: Session, cohort: Cohort, selection: PageSelection
) -> Page[ClassGroupRow]:
    """Return a page of the class groups of the cohort by name, with the number of students."""
    students = (
        select(func.count())
        .where(Student.class_group_id == ClassGroup.id, Student.removed_at.is_(None))
        .scalar_subquery()
    )
    groups = (
        select(ClassGroup, students)
        .join(Participation, takes_part_with(ClassGroup))
        .where(ClassGroup.removed_at.is_(None), Participation.removed_at.is_(None))
        .where(ClassGroup.school_id == cohort.school_id)
    )
    if cohort.administration_id is not None:
        groups = groups.where(ClassGroup.administration_id == cohort.administration_id)
    return page_of_rows(session, groups, _CLASS_GROUPS, selection).map(ClassGroupRow._make)


def find_by_name(session: Session, cohort: Cohort, words: Sequence[str]) -> Sequence[StudentRow]:
    """Return at most `MAX_FOUND` students of the cohort, as in class lists.

    Each of the words begins a word of the name, without regard to accents and case.
    """
    rows = session.execute(_present().where(*is_in(cohort)).order_by(*_CLASS_LISTS.terms))
    found = (StudentRow(*row) for row in rows)
    return list(islice((row for row in found if _is_named(row.student, words)), MAX_FOUND))


def _is_named(student: Student, words: Sequence[str]) -> bool:
    names = words_of(student.family_name) + words_of(student.given_name)
    return all(any(name.startswith(word) for name in names) for word in words)


def _present() -> Select[Student, ClassGroup]:
    return (
        select(Student, ClassGroup)
        .join(ClassGroup, ClassGroup.id == Student.class_group_id)
        .join(Participation, takes_part_with(Student))
        .where(student_is_present())
    )


_VISIBLE_STUDENT = visible_student()
