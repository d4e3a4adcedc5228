"""The rules by which an opening opens; `test_gate.py` compares them with the database."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from shared.releases.openings import (
    ApprovalFacts,
    Blocker,
    ManifestFacts,
    OpeningFacts,
    blocker_of,
    is_effective,
)

OPENS = datetime(2024, 6, 21, 6, 0, tzinfo=UTC)
TICK = timedelta(microseconds=1)
DAY = timedelta(days=1)
FIRST, SECOND, THIRD = uuid4(), uuid4(), uuid4()
HASH = b"1" * 32


def approval(person: UUID = FIRST, **changes: Any) -> ApprovalFacts:
    return replace(
        ApprovalFacts(FIRST, HASH, OPENS - DAY, OPENS + DAY), person_id=person, **changes
    )


def opening(*approvals: ApprovalFacts, **changes: Any) -> OpeningFacts:
    manifest = ManifestFacts(3, HASH, is_complete=True, approvals=approvals)
    return replace(OpeningFacts(OPENS, 3, (manifest,)), **changes)


APPROVED = opening(approval(FIRST), approval(SECOND))


def test_it_opens_at_its_moment_when_two_persons_approved_the_manifest() -> None:
    assert blocker_of(APPROVED) is None
    assert not is_effective(APPROVED, OPENS - TICK)
    assert is_effective(APPROVED, OPENS)
    assert is_effective(APPROVED, OPENS + 1000 * DAY)


@pytest.mark.parametrize(
    "approvals",
    [
        (),
        (approval(FIRST),),
        (approval(FIRST), approval(FIRST)),
        (approval(FIRST), approval(SECOND, manifest_hash=b"2" * 32)),
        (approval(FIRST), approval(SECOND, expires_at=OPENS)),
        (approval(FIRST), approval(SECOND, approved_at=OPENS + TICK)),
        (approval(FIRST), approval(SECOND, voided_at=OPENS - TICK)),
    ],
)
def test_two_valid_approvals_of_different_persons_are_needed(
    approvals: tuple[ApprovalFacts, ...],
) -> None:
    assert blocker_of(opening(*approvals)) is Blocker.NOT_APPROVED


@pytest.mark.parametrize(
    "second",
    [
        approval(SECOND, expires_at=OPENS + TICK),
        approval(SECOND, approved_at=OPENS),
        approval(SECOND, voided_at=OPENS),
    ],
)
def test_it_is_judged_as_of_its_moment(second: ApprovalFacts) -> None:
    assert is_effective(opening(approval(FIRST), second), OPENS + 1000 * DAY)


def test_a_planner_does_not_count() -> None:
    planned = replace(APPROVED, planners=frozenset({SECOND}))
    assert blocker_of(planned) is Blocker.NOT_APPROVED
    third = opening(approval(FIRST), approval(SECOND), approval(THIRD), planners=planned.planners)
    assert blocker_of(third) is None


def test_more_persons_can_be_asked_for() -> None:
    assert blocker_of(replace(APPROVED, approvals_needed=3)) is Blocker.NOT_APPROVED


def test_only_the_latest_manifest_of_the_present_epoch_counts() -> None:
    assert blocker_of(replace(APPROVED, manifests=())) is Blocker.NOT_VERIFIED
    assert blocker_of(replace(APPROVED, epoch=4)) is Blocker.OUTDATED
    later = ManifestFacts(3, b"2" * 32, is_complete=True)
    assert blocker_of(replace(APPROVED, manifests=(*APPROVED.manifests, later))) is (
        Blocker.NOT_APPROVED
    )
    broken = replace(APPROVED.manifests[0], is_complete=False)
    assert blocker_of(replace(APPROVED, manifests=(broken,))) is Blocker.INCOMPLETE
