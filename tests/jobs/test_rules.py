from datetime import timedelta
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.jobs.rules import (
    INITIAL_RETRY_SECONDS,
    MAX_RETRY_SECONDS,
    Counts,
    Lane,
    Pace,
    State,
    choose_lane_order,
    final_state,
    pace_of,
    partly_failed_problem,
    poll_delay,
    retry_delay_seconds,
)


@given(attempt=st.integers(1, 60), seed=st.integers())
def test_a_retry_waits_longer_each_time_within_bounds(attempt: int, seed: int) -> None:
    delay = retry_delay_seconds(attempt, Random(seed))  # noqa: S311  # a seeded draw, not a secret
    longest = min(INITIAL_RETRY_SECONDS * 2 ** (attempt - 1), MAX_RETRY_SECONDS)
    assert longest / 2 <= delay <= longest


def test_a_job_with_some_failures_is_done() -> None:
    assert final_state(Counts(done=2, failed=1)) is State.DONE


def test_the_problem_of_a_job_that_is_done_counts_its_failures() -> None:
    problem = partly_failed_problem(Counts(done=2, failed=1, failures=2412))
    assert problem is not None
    assert problem["detail"].startswith("Failed: 1 of 3 items, and 2412 parts of the others.")
    assert partly_failed_problem(Counts(done=2)) is None


def test_a_job_with_only_failures_has_failed() -> None:
    assert final_state(Counts(failed=3)) is State.FAILED


def test_a_job_with_only_cancelled_items_is_cancelled() -> None:
    assert final_state(Counts(cancelled=3)) is State.CANCELLED


def test_a_job_without_items_is_done() -> None:
    assert final_state(Counts()) is State.DONE


def test_counts_add_up() -> None:
    counts = Counts(queued=1, running=2, done=3, failed=4, cancelled=5, failures=6)
    assert (counts.total, counts.ended) == (15, 12)


@given(weight=st.integers(1, 20), seed=st.integers())
def test_lanes_are_chosen_by_weight(weight: int, seed: int) -> None:
    draws = 200 * (weight + 1)
    random = Random(seed)  # noqa: S311  # as above
    bulk_first = sum(
        choose_lane_order(weight, random) == (Lane.BULK, Lane.INTERACTIVE) for _ in range(draws)
    )
    assert 100 < bulk_first < 300


@pytest.mark.parametrize(
    ("ended_recently", "seconds", "expected"),
    [
        (60, 30, Pace(2.0, timedelta(seconds=150))),
        (5, 10, Pace(0.5, timedelta(seconds=600))),
        (0, 30, None),
        (3, 0, None),
    ],
)
def test_the_recent_pace_gives_the_remaining_time(
    ended_recently: int, seconds: int, expected: Pace | None
) -> None:
    counts = Counts(queued=299, running=1, done=100, failed=3)
    assert pace_of(counts, ended_recently, timedelta(seconds=seconds)) == expected


@pytest.mark.parametrize(("remaining", "delay"), [(0, 1), (5, 1), (100, 10), (90_000, 30)])
def test_the_poll_delay_is_shorter_near_the_end(remaining: int, delay: int) -> None:
    assert poll_delay(Pace(1.0, timedelta(seconds=remaining))) == timedelta(seconds=delay)
