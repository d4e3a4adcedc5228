"""SQL of hand-overs, joined with the fiches that the caller can read now."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    Select,
    Uuid,
    and_,
    any_,
    bindparam,
    exists,
    func,
    insert,
    select,
    true,
)
from sqlalchemy.orm import Session, aliased

from shared.core.locks import lock_until_commit
from shared.core.paging import ListOrder, Page, PageSelection, counted_page, page_of_rows
from shared.documents.kinds import DocumentKind
from shared.documents.models import Document
from shared.hand_overs.models import HandOver, HandOverWithdrawal
from shared.hand_overs.rules import HandOverState, Means
from shared.releases.repository import components_are_released
from shared.schools.models import Participation
from shared.students.models import ClassGroup, Student
from shared.students.repository import Cohort, is_in, student_is_present, takes_part_with


class FicheRow(NamedTuple):
    """The current fiche of a student, with its last hand-over that was not withdrawn."""

    student: Student
    class_group: str
    document_id: UUID
    content_sha256: bytes
    hand_over: HandOver | None


class ClassGroupRow(NamedTuple):
    """A class group with the number of its current fiches per state."""

    administration_id: str
    class_group: str
    open: int
    done: int
    again: int


class SelectedStudent(NamedTuple):
    """A student to hand over to; without a readable fiche, `content_sha256` is None."""

    student_id: UUID
    content_sha256: bytes | None
    handed_over_sha256: bytes | None
    last_number: int


class HandOverRow(NamedTuple):
    """A hand-over, and the time of its withdrawal if it was withdrawn."""

    hand_over: HandOver
    withdrawn_at: datetime | None


class FoundHandOver(NamedTuple):
    """A hand-over, the time of its withdrawal, and True if its student has a readable fiche."""

    hand_over: HandOver
    withdrawn_at: datetime | None
    has_fiche: bool


@dataclass(frozen=True, slots=True)
class HandOverAct:
    """The means and the day of the hand-overs that a school records together."""

    means: Means
    handed_over_on: date


_IS_WITHDRAWN = exists().where(
    HandOverWithdrawal.hand_over_id == HandOver.id,
    HandOverWithdrawal.school_id == HandOver.school_id,
)
_LAST = (
    select(HandOver)
    .where(HandOver.student_id == Student.id, ~_IS_WITHDRAWN)
    .order_by(HandOver.number.desc())
    .limit(1)
    .lateral("last_hand_over")
)
_last = aliased(HandOver, _LAST)

_STATES = {
    HandOverState.OPEN: _last.id.is_(None),
    HandOverState.DONE: _last.content_sha256 == Document.content_sha256,
    HandOverState.AGAIN: _last.content_sha256 != Document.content_sha256,
}
"""`state_of` in SQL."""

_IS_READABLE_FICHE = and_(
    Document.kind == DocumentKind.FICHE,
    Document.facts_revision == Participation.facts_revision,
    components_are_released(
        Document.component_ids,
        (Document.administration_id, Document.school_id),
        DocumentKind.FICHE.product,
    ),
)
"""The gate, for a query that joins Document and Participation."""

_CLASS_LISTS = ListOrder(Student.administration_id, Student.sort_key)


def lock_hand_overs(session: Session, school_id: str) -> None:
    """Lock the hand-overs of the school against additions until the transaction ends."""
    lock_until_commit(session, f"hand-overs {school_id}")


def page_of_fiches(
    session: Session, cohort: Cohort, state: HandOverState | None, selection: PageSelection
) -> Page[FicheRow]:
    """Return a page of the fiches of the cohort, or those in a state, as in class lists."""
    columns = Student, ClassGroup.name, Document.id, Document.content_sha256, _last
    fiches = _with_last(select(*columns)).where(*is_in(cohort))
    if state is not None:
        fiches = fiches.where(_STATES[state])
    return page_of_rows(session, fiches, _CLASS_LISTS, selection).map(FicheRow._make)


def page_of_class_groups(
    session: Session, cohort: Cohort, selection: PageSelection
) -> Page[ClassGroupRow]:
    """Return a page of the class groups that have fiches, in order, with their counts."""
    group = (
        ClassGroup.administration_id,
        ClassGroup.name.label("class_group"),
        ClassGroup.sort_key,
        ClassGroup.id,
    )
    counts = [func.count().filter(_STATES[state]).label(state) for state in HandOverState]
    counted = _with_last(select(*group, *counts)).where(*is_in(cohort)).group_by(*group)
    found, names = counted.subquery("counted").c, ClassGroupRow._fields
    listed = select(*(found[name] for name in names))
    order = ListOrder(found.administration_id, found.sort_key, found.id)
    page = counted_page(session, listed, order, selection, {})  # it reads all fiches once
    return page.map(lambda row: ClassGroupRow._make(row[: len(names)]))


def select_students(
    session: Session, cohort: Cohort, student_ids: Sequence[UUID] | None
) -> Sequence[SelectedStudent]:
    """Return the students of the cohort, or those with these ids, in the order of ids.

    Reach is computed for each id, so that the time tells nothing about one out of reach.
    """
    numbers = select(func.max(HandOver.number)).where(HandOver.student_id == Student.id)
    students = (
        select(
            Student.id,
            Document.content_sha256,
            _last.content_sha256,
            func.coalesce(numbers.scalar_subquery(), 0),
        )
        .join(ClassGroup, ClassGroup.id == Student.class_group_id)
        .join(Participation, takes_part_with(Student))
        .outerjoin(Document, and_(Document.student_id == Student.id, _IS_READABLE_FICHE))
        .outerjoin(_last, true())
        .where(student_is_present(), *is_in(cohort))
        .order_by(Student.id)
    )
    if student_ids is not None:
        students = students.where(Student.id == any_(_visible(student_ids)))
    return [SelectedStudent._make(row) for row in session.execute(students)]


def add_hand_overs(
    session: Session, school_id: str, students: Sequence[SelectedStudent], act: HandOverAct
) -> Sequence[UUID]:
    """Add a hand-over of the current fiche of each student, and return their ids in order."""
    rows = [
        {
            "school_id": school_id,
            "student_id": student.student_id,
            "number": student.last_number + 1,
            "content_sha256": student.content_sha256,
            "means": act.means,
            "handed_over_on": act.handed_over_on,
        }
        for student in students
    ]
    added = insert(HandOver).returning(HandOver.id, sort_by_parameter_order=True)
    return session.scalars(added, rows).all() if rows else []


def find_hand_overs(
    session: Session, school_id: str, hand_over_ids: Sequence[UUID]
) -> Sequence[FoundHandOver]:
    """Return the hand-overs of a school with these ids."""
    query = (
        _hand_overs()
        .add_columns(_has_readable_fiche())
        .where(HandOver.school_id == school_id, HandOver.id.in_(hand_over_ids))
    )
    return [FoundHandOver._make(row) for row in session.execute(query)]


def withdraw_hand_overs(session: Session, hand_overs: Sequence[HandOver]) -> None:
    rows = [{"hand_over_id": one.id, "school_id": one.school_id} for one in hand_overs]
    if rows:
        session.execute(insert(HandOverWithdrawal), rows)


def page_of_hand_overs(
    session: Session, student_id: UUID, selection: PageSelection
) -> Page[HandOverRow]:
    """Return a page of the hand-overs to a student, newest first; none without a readable fiche."""
    query = _hand_overs().where(HandOver.student_id == student_id, _has_readable_fiche())
    newest = ListOrder(HandOver.number, descending=True)
    return page_of_rows(session, query, newest, selection).map(HandOverRow._make)


def _with_last(query: Select[*tuple[object, ...]]) -> Select[*tuple[object, ...]]:
    """Join the fiches that can be read now with their students and last hand-overs."""
    return (
        query.select_from(Document)
        .join(Student, Student.id == Document.student_id)
        .join(ClassGroup, ClassGroup.id == Student.class_group_id)
        .join(Participation, takes_part_with(Student))
        .outerjoin(_last, true())
        .where(student_is_present(), _IS_READABLE_FICHE)
    )


def _hand_overs() -> Select[HandOver, datetime | None]:
    withdrawal = and_(
        HandOverWithdrawal.hand_over_id == HandOver.id,
        HandOverWithdrawal.school_id == HandOver.school_id,
    )
    return select(HandOver, HandOverWithdrawal.withdrawn_at).outerjoin(
        HandOverWithdrawal, withdrawal
    )


def _has_readable_fiche() -> ColumnElement[bool]:
    """Build the condition that the student of a hand-over has a fiche that can be read now."""
    student = aliased(Student)
    return (
        select(Document.id)
        .join(student, student.id == Document.student_id)
        .join(Participation, takes_part_with(student))
        .where(
            Document.student_id == HandOver.student_id,
            student.removed_at.is_(None),
            Participation.removed_at.is_(None),
            _IS_READABLE_FICHE,
        )
        .exists()
    )


def _visible(student_ids: Sequence[UUID]) -> ColumnElement[Sequence[UUID]]:
    """Build an array of those of the ids that are within the reach of the caller."""
    sought = func.unnest(bindparam("sought", list(student_ids), ARRAY(Uuid))).column_valued(
        "sought"
    )
    return func.array(select(func.visible_student(sought)).scalar_subquery(), type_=ARRAY(Uuid))
