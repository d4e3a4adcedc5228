"""Use cases of hand-overs: a school records them, withdraws them, and sees what is left to do."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from sqlalchemy.orm import Session

from shared.access.decisions import About, Rule, allow, deny
from shared.access.requests import AccessRequest
from shared.access.rules import own_school
from shared.core.clock import database_today
from shared.core.errors import InvalidInput
from shared.core.paging import Page, PageSelection
from shared.core.unit_of_work import UnitOfWork
from shared.documents.rebuilds.reading import outside_rebuilds
from shared.hand_overs import repository
from shared.hand_overs.repository import (
    ClassGroupRow,
    FicheRow,
    HandOverAct,
    HandOverRow,
    SelectedStudent,
)
from shared.hand_overs.rules import HandOverState, Means, state_of
from shared.results.models import Administration
from shared.schools.service import require_school
from shared.students.repository import Cohort
from shared.students.service import require_student


@dataclass(frozen=True, slots=True)
class NewHandOvers:
    """Hand-overs to record: of a class group, by its name, or to these students.

    Without `handed_over_on` it is today, in Brussels.
    """

    administration_id: str
    means: Means
    class_group: str | None = None
    student_ids: Sequence[UUID] | None = None
    handed_over_on: date | None = None


@dataclass(frozen=True, slots=True)
class RecordedHandOvers:
    """The ids of the new hand-overs, and the number of fiches that were handed over before."""

    hand_over_ids: Sequence[UUID]
    unchanged: int


def list_fiches(
    unit: UnitOfWork,
    access: AccessRequest,
    cohort: Cohort,
    state: HandOverState | None,
    selection: PageSelection,
) -> Page[FicheRow]:
    """Return a page of the current fiches of a cohort, or those in a state, as in class lists.

    Raises:
        ResourceNotFound: when the school does not exist or is out of reach.
        DocumentsBeingRebuilt: while documents of the school are being rebuilt.
    """
    require_school(unit, access, cohort.school_id)
    with outside_rebuilds(unit.session, cohort.school_id, cohort.administration_id):
        page = repository.page_of_fiches(unit.session, cohort, state, selection)
    allow(unit, access, cohort.school_id, About([row.student.id for row in page.rows]))
    return page


def count_fiches(
    unit: UnitOfWork, access: AccessRequest, cohort: Cohort, selection: PageSelection
) -> Page[ClassGroupRow]:
    """Return a page of the class groups of a cohort, with the number of fiches in each state.

    Raises:
        ResourceNotFound: when the school does not exist or is out of reach.
        DocumentsBeingRebuilt: while documents of the school are being rebuilt.
    """
    require_school(unit, access, cohort.school_id)
    with outside_rebuilds(unit.session, cohort.school_id, cohort.administration_id):
        page = repository.page_of_class_groups(unit.session, cohort, selection)
    allow(unit, access, cohort.school_id)
    return page


def list_student_hand_overs(
    unit: UnitOfWork, access: AccessRequest, student_id: UUID, selection: PageSelection
) -> Page[HandOverRow]:
    """Return a page of the hand-overs to a student, withdrawn ones included, newest first.

    Raises:
        ResourceNotFound: when the student does not exist or is out of reach.
        DocumentsBeingRebuilt: while documents of the school are being rebuilt.
    """
    student = require_student(unit, access, student_id).student
    with outside_rebuilds(unit.session, student.school_id, student.administration_id):
        page = repository.page_of_hand_overs(unit.session, student_id, selection)
    allow(unit, access, student.school_id, About([student_id]))
    return page


def record_hand_overs(
    unit: UnitOfWork, access: AccessRequest, wanted: NewHandOvers
) -> RecordedHandOvers:
    """Record the hand-over of each selected fiche that the family does not have yet.

    Raises:
        ResourceNotFound: when a student has no fiche that the caller can read now, or no student of
            the class group has one.
        InvalidInput: when a class group and students are given, or neither, or the day cannot be.
        DocumentsBeingRebuilt: while documents of the school are being rebuilt.
    """
    session, school_id = unit.session, own_school(access.caller, access.reach)
    if (wanted.class_group is None) == (wanted.student_ids is None):
        raise InvalidInput("class_group", detail="Give a class group or students, one of the two.")
    repository.lock_hand_overs(session, school_id)
    cohort = Cohort(school_id, wanted.administration_id, wanted.class_group)
    with outside_rebuilds(session, school_id, wanted.administration_id):
        selected = repository.select_students(session, cohort, wanted.student_ids)
        fiches = _require_fiches(unit, access, selected, wanted.student_ids)
        act = HandOverAct(wanted.means, _require_day(session, wanted))
        due = [fiche for fiche in fiches if _is_due(fiche)]
        added = repository.add_hand_overs(session, school_id, due, act)
    allow(unit, access, school_id, About([fiche.student_id for fiche in fiches]))
    return RecordedHandOvers(added, len(fiches) - len(added))


def withdraw_hand_overs(
    unit: UnitOfWork, access: AccessRequest, hand_over_ids: Sequence[UUID]
) -> None:
    """Withdraw hand-overs that were recorded by mistake; those that are withdrawn stay as they are.

    Raises:
        ResourceNotFound: when the school has no such hand-over of a student with a fiche that the
            caller can read now.
        DocumentsBeingRebuilt: while documents of the school are being rebuilt.
    """
    school_id = own_school(access.caller, access.reach)
    repository.lock_hand_overs(unit.session, school_id)
    with outside_rebuilds(unit.session, school_id):
        found = repository.find_hand_overs(unit.session, school_id, hand_over_ids)
        about = About([row.hand_over.student_id for row in found])
        if len(found) < len(set(hand_over_ids)):
            deny(unit, access, school_id, Rule.REACH, about)
        if not all(row.has_fiche for row in found):
            deny(unit, access, school_id, Rule.GATE, about)
    current = [row.hand_over for row in found if row.withdrawn_at is None]
    repository.withdraw_hand_overs(unit.session, current)
    allow(unit, access, school_id, about)


def _require_fiches(
    unit: UnitOfWork,
    access: AccessRequest,
    selected: Sequence[SelectedStudent],
    student_ids: Sequence[UUID] | None,
) -> Sequence[SelectedStudent]:
    """Return the selected students with a fiche.

    A refusal about students out of reach is in the audit log of their school, as that of a read.

    Raises:
        ResourceNotFound: when one of the named students has none, or nobody of the class group.
    """
    fiches = [student for student in selected if student.content_sha256 is not None]
    reached = [student.student_id for student in selected]
    school_id, unreached = access.caller.school_id, set(student_ids or ()) - set(reached)
    if unreached:
        deny(unit, access, None, Rule.REACH, About(sorted(unreached)))
    if not selected:
        deny(unit, access, school_id, Rule.REACH)
    if not fiches or (student_ids is not None and len(fiches) < len(selected)):
        deny(unit, access, school_id, Rule.GATE, About(reached))
    return fiches


def _is_due(fiche: SelectedStudent) -> bool:
    content = fiche.content_sha256 or b""
    return state_of(content, fiche.handed_over_sha256) is not HandOverState.DONE


def _require_day(session: Session, wanted: NewHandOvers) -> date:
    """Return the day of the hand-overs; a typed one lies between the tests and today."""
    today = database_today(session)
    if wanted.handed_over_on is None:
        return today
    administration = session.get_one(Administration, wanted.administration_id)
    if not administration.tested_from_on <= wanted.handed_over_on <= today:
        raise InvalidInput(
            "handed_over_on", detail="Must be a day from the tests of the administration to today."
        )
    return wanted.handed_over_on
