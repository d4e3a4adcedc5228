from datetime import UTC, datetime, timedelta

import pytest

from shared.core.clock_guard import GATE_LIMIT, TOLERANCE, ClockGuard

NOON = datetime(2024, 6, 21, 12, tzinfo=UTC)
TICK = timedelta(microseconds=1)


def guard(now: datetime = NOON) -> ClockGuard:
    return ClockGuard(now=lambda: now)


@pytest.mark.parametrize("difference", [timedelta(0), TOLERANCE, -TOLERANCE])
def test_clocks_that_differ_by_two_seconds_set_no_limit(difference: timedelta) -> None:
    clock = guard()
    assert not clock.observe(NOON, NOON + difference)
    assert clock.settings() == {}


@pytest.mark.parametrize("difference", [TOLERANCE + TICK, -TOLERANCE - TICK])
def test_the_earlier_of_two_clocks_is_the_limit(difference: timedelta) -> None:
    clock = guard()
    assert clock.observe(NOON, NOON + difference)
    assert clock.difference == abs(difference)
    assert clock.settings() == {GATE_LIMIT: min(NOON, NOON + difference).isoformat()}


@pytest.mark.parametrize("difference", [timedelta(hours=-1), timedelta(hours=1)])
def test_the_last_moment_at_which_they_agreed_stays_the_limit(difference: timedelta) -> None:
    clock = guard()
    clock.observe(NOON, NOON)
    other = NOON + difference
    clock.now = lambda: other
    for seconds in range(3):
        clock.observe(other, NOON + timedelta(seconds=seconds))
        assert clock.limit == NOON


def test_the_limit_ends_when_they_agree_again() -> None:
    clock = guard()
    clock.observe(NOON, NOON + timedelta(hours=1))
    assert clock.observe(NOON, NOON)
    assert clock.settings() == {}
    assert clock.difference == timedelta(0)


def test_a_slow_response_is_no_difference() -> None:
    clock = guard(NOON + timedelta(seconds=30))
    clock.observe(NOON, NOON + timedelta(seconds=1))
    assert clock.difference == timedelta(0)
