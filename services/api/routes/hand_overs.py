"""Operations on hand-overs: fiches that a school has given to families."""

from typing import Annotated

from fastapi import Query

from services.api.dependencies import LinksDep, UnitDep
from services.api.operations.idempotency import IdempotencyDep
from services.api.operations.operation import operations
from services.api.operations.pagination import PageDep
from services.api.operations.parameters import CohortDep, StudentPath
from services.api.operations.problem_responses import problems
from services.api.schemas.hand_overs import (
    FicheHandOver,
    FicheHandOverPage,
    HandOver,
    HandOverCount,
    HandOverCountPage,
    HandOverPage,
    HandOverWithdrawal,
    NewHandOvers,
    RecordedHandOvers,
    StateOfHandOver,
)
from services.api.security.permissions import HandOversReader, HandOversWriter
from shared.hand_overs import service

router = operations("handOvers")

_BEING_REBUILT = problems("documentBeingRebuilt")
_REFUSED = problems("resourceNotFound", "documentBeingRebuilt")


@router.get("/schools/{schoolId}/handOvers", responses=_BEING_REBUILT)
def list_school_hand_overs(
    access: HandOversReader,
    unit: UnitDep,
    cohort: CohortDep,
    page: PageDep,
    links: LinksDep,
    state: Annotated[
        StateOfHandOver | None, Query(description="Only fiches in this state.")
    ] = None,
) -> FicheHandOverPage:
    """List the released fiches of a school with their hand-over, by class group and name."""
    found = service.list_fiches(unit, access, cohort, state, page.selection)
    items = [FicheHandOver.of(row, links) for row in found.rows]
    return FicheHandOverPage(items=items, **page.metadata(found))


@router.get("/schools/{schoolId}/handOverCounts", responses=_BEING_REBUILT)
def list_school_hand_over_counts(
    access: HandOversReader, unit: UnitDep, cohort: CohortDep, page: PageDep
) -> HandOverCountPage:
    """List the class groups with released fiches, and how many were handed over."""
    found = service.count_fiches(unit, access, cohort, page.selection)
    items = [HandOverCount.of(row) for row in found.rows]
    return HandOverCountPage(items=items, **page.metadata(found))


@router.get("/students/{studentId}/handOvers", responses=_BEING_REBUILT)
def list_student_hand_overs(
    student_id: StudentPath, access: HandOversReader, unit: UnitDep, page: PageDep
) -> HandOverPage:
    """List the hand-overs to a student, newest first; empty without a released fiche."""
    found = service.list_student_hand_overs(unit, access, student_id, page.selection)
    items = [HandOver.of(row) for row in found.rows]
    return HandOverPage(items=items, **page.metadata(found))


@router.post("/handOvers", status_code=201, responses=_REFUSED)
def record_hand_overs(
    hand_overs: NewHandOvers,
    access: HandOversWriter,
    unit: UnitDep,
    _idempotency: IdempotencyDep,
) -> RecordedHandOvers:
    """Record that the school has handed over the current fiches of a class group or of students.

    A fiche that was handed over with the same content is left as it is, so that two requests at the
    same time record one hand-over. A student without a released fiche is not found.
    """
    recorded = service.record_hand_overs(unit, access, hand_overs.wanted())
    return RecordedHandOvers(
        hand_over_ids=list(recorded.hand_over_ids), unchanged=recorded.unchanged
    )


@router.post("/handOvers/withdraw", status_code=204, responses=_REFUSED)
def withdraw_hand_overs(
    withdrawal: HandOverWithdrawal, access: HandOversWriter, unit: UnitDep
) -> None:
    """Withdraw hand-overs that were recorded by mistake; they stay in the history of the student.

    The state of the fiche is again that of before. A second request changes nothing.
    """
    service.withdraw_hand_overs(unit, access, withdrawal.hand_over_ids)
