from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest

from shared.client_changes.rules import (
    EXPIRES_AFTER,
    Agreement,
    ChangeKind,
    ChangeState,
    Progress,
    delay_of,
    require_approver,
    require_other_client,
    scopes_after,
    state_of,
)
from shared.core.errors import MissingPermission

ANNE, BRAM, CATO, DIRK = (uuid4() for _ in range(4))
ALL = {ANNE, BRAM, CATO, DIRK}
NOW = datetime(2026, 11, 29, tzinfo=UTC)
HOUR = timedelta(hours=1)


def agreement(
    kind: ChangeKind, subject: UUID | None, requested_by: UUID, *approved_by: UUID
) -> Agreement:
    return Agreement(kind, subject, requested_by, frozenset(approved_by))


@pytest.mark.parametrize("kind", sorted(set(ChangeKind) - {ChangeKind.REGISTER_PERSON}))
def test_one_person_is_never_enough(kind: ChangeKind) -> None:
    for subject in (None, ANNE, BRAM):
        for approved_by in ((), (ANNE,)):
            assert not agreement(kind, subject, ANNE, *approved_by).is_reached(ALL)


@pytest.mark.parametrize("kind", sorted(set(ChangeKind) - {ChangeKind.REGISTER_PERSON}))
def test_two_persons_agree_on_a_client_that_belongs_to_nobody(kind: ChangeKind) -> None:
    assert agreement(kind, None, ANNE, BRAM).is_reached(ALL)


def test_person_does_not_count_for_their_own_client() -> None:
    kind = ChangeKind.ADD_KEY
    assert not agreement(kind, ANNE, ANNE, BRAM).is_reached(ALL)
    assert not agreement(kind, ANNE, BRAM, ANNE).is_reached(ALL)
    assert agreement(kind, ANNE, ANNE, BRAM, CATO).is_reached(ALL)
    assert agreement(kind, ANNE, BRAM, CATO).is_reached(ALL)


def test_new_person_takes_two_others_than_the_one_that_requests_it() -> None:
    kind = ChangeKind.REGISTER_PERSON
    assert not agreement(kind, None, ANNE, BRAM).is_reached(ALL)
    assert agreement(kind, None, ANNE, BRAM, CATO).is_reached(ALL)


def test_person_without_an_active_client_does_not_count() -> None:
    assert not agreement(ChangeKind.ADD_KEY, None, ANNE, BRAM).is_reached({BRAM, CATO})


def test_approver_is_neither_the_requester_nor_the_subject_nor_an_earlier_approver() -> None:
    asked = agreement(ChangeKind.REGISTER_CLIENT, ANNE, BRAM, CATO)
    for person in (ANNE, BRAM, CATO):
        with pytest.raises(MissingPermission):
            require_approver(asked, person)
    require_approver(asked, DIRK)


def test_nobody_changes_the_scopes_of_their_own_client() -> None:
    with pytest.raises(MissingPermission, match="own client"):
        require_other_client(ANNE, ANNE)
    require_other_client(ANNE, BRAM)
    require_other_client(ANNE, None)
    require_other_client(None, None)


@pytest.mark.parametrize("kind", ChangeKind)
def test_keys_scopes_and_further_clients_wait(kind: ChangeKind) -> None:
    waits = kind in {ChangeKind.ADD_KEY, ChangeKind.CHANGE_SCOPES, ChangeKind.REGISTER_CLIENT}
    assert delay_of(kind, HOUR) == (HOUR if waits else timedelta(0))


@pytest.mark.parametrize(
    ("progress", "state"),
    [
        (Progress(NOW), ChangeState.PENDING),
        (Progress(NOW - EXPIRES_AFTER), ChangeState.EXPIRED),
        (Progress(NOW, NOW + HOUR), ChangeState.AGREED),
        (Progress(NOW - EXPIRES_AFTER, NOW - HOUR), ChangeState.EXPIRED),
        (Progress(NOW - EXPIRES_AFTER, NOW - HOUR, applied_at=NOW), ChangeState.APPLIED),
        (Progress(NOW - EXPIRES_AFTER, None, rejected_at=NOW), ChangeState.REJECTED),
    ],
)
def test_state_follows_from_the_instants(progress: Progress, state: ChangeState) -> None:
    assert state_of(progress, NOW) is state


@pytest.mark.parametrize(
    ("before", "requested", "now", "after"),
    [
        ("ab", "abc", "ab", "abc"),
        ("ab", "abc", "a", "ac"),
        ("ab", "abc", "", "c"),
        ("ab", "b", "ab", "b"),
        ("ab", "b", "a", ""),
        ("a", "ab", "abc", "ab"),
        ("abc", "abc", "a", "a"),
    ],
)
def test_scope_taken_away_after_the_request_does_not_come_back(
    before: str, requested: str, now: str, after: str
) -> None:
    assert scopes_after(before, requested, now) == set(after)
