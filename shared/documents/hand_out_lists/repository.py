"""SQL of hand-out lists, with the condition of the gate."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import (
    Integer,
    String,
    Subquery,
    Uuid,
    and_,
    bindparam,
    cast,
    func,
    select,
    union_all,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Session

from shared.core.paging import ListOrder, Page, PageSelection, page_of_rows
from shared.documents.hand_out_lists.models import MissingFiche
from shared.documents.kinds import DocumentKind
from shared.documents.models import Document
from shared.releases.repository import components_are_released
from shared.schools.models import Participation
from shared.students.models import ClassGroup, Student
from shared.students.repository import (
    Cohort,
    is_in,
    student_is_present,
    takes_part_with,
)

_CLASS_LISTS = ListOrder(Student.administration_id, Student.sort_key)
_PRODUCT = DocumentKind.FICHE.product


class HandOutRow(NamedTuple):
    """A student with the class group, and either the id of the fiche or why there is none."""

    student: Student
    class_group: str
    fiche_id: UUID | None
    reason: str | None


def page_of_entries(session: Session, cohort: Cohort, selection: PageSelection) -> Page[HandOutRow]:
    """Return a page of the released entries of the cohort by class group and name."""
    entry = _released_entries(cohort.school_id)
    is_current = and_(
        entry.c.student_id == Student.id,
        entry.c.facts_revision == Participation.facts_revision,
    )
    entries = (
        select(Student, ClassGroup.name, entry.c.fiche_id, entry.c.reason)
        .join(ClassGroup, ClassGroup.id == Student.class_group_id)
        .join(Participation, takes_part_with(Student))
        .join(entry, is_current)
        .where(student_is_present(), *is_in(cohort))
    )
    return page_of_rows(session, entries, _CLASS_LISTS, selection).map(HandOutRow._make)


def _released_entries(school_id: str) -> Subquery:
    """Select the released fiches of a school and the missing ones, also of earlier facts."""
    fiches = select(
        Document.student_id,
        Document.facts_revision,
        Document.id.label("fiche_id"),
        cast(None, String).label("reason"),
    ).where(
        Document.school_id == school_id,
        Document.kind == DocumentKind.FICHE,
        components_are_released(
            Document.component_ids, (Document.administration_id, Document.school_id), _PRODUCT
        ),
    )
    missing = select(
        MissingFiche.student_id,
        MissingFiche.facts_revision,
        cast(None, Uuid).label("fiche_id"),
        MissingFiche.reason,
    ).where(
        MissingFiche.school_id == school_id,
        components_are_released(
            MissingFiche.component_ids,
            (MissingFiche.administration_id, MissingFiche.school_id),
            _PRODUCT,
        ),
    )
    return union_all(fiches, missing).subquery("entry")


_REPLACEMENT = select(
    func.replace_missing_fiches(
        bindparam("administration_id", type_=String),
        bindparam("school_id", type_=String),
        bindparam("revision", type_=Integer),
        cast(bindparam("missing", type_=JSONB), JSONB),
    )
)


def replace_missing_fiches(
    session: Session,
    school: Mapping[str, str],
    facts_revision: int,
    missing: Sequence[Mapping[str, Any]],
) -> None:
    """Replace the missing fiches of a school: rows of student, components and reason.

    `school` has the ids of the administration and the school.
    """
    parameters = {**school, "revision": facts_revision, "missing": missing}
    session.execute(_REPLACEMENT, parameters)
