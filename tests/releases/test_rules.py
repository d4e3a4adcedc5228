from datetime import UTC, datetime, timedelta

import pytest

from shared.releases.rules import GateState, Window, decisive_window, gate_state, is_released

OPENS = datetime(2024, 6, 21, 6, 0, tzinfo=UTC)
CLOSES = datetime(2024, 9, 13, 15, 0, tzinfo=UTC)
TICK = timedelta(microseconds=1)
GROUP, COMPONENT = 1, 10


def window(
    target_group_id: int | None = None,
    component_id: int | None = None,
    *,
    opens_at: datetime | None = OPENS,
    closes_at: datetime | None = CLOSES,
    never: bool = False,
) -> Window:
    return Window(target_group_id, component_id, opens_at, closes_at, never)


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        (OPENS - timedelta(seconds=1), GateState.PLANNED),
        (OPENS - TICK, GateState.PLANNED),
        (OPENS, GateState.OPEN),
        (CLOSES - TICK, GateState.OPEN),
        (CLOSES, GateState.CLOSED),
        (CLOSES + timedelta(days=999), GateState.CLOSED),
    ],
)
def test_a_window_is_open_from_its_moment_up_to_its_end(at: datetime, expected: GateState) -> None:
    assert gate_state(window(), at) is expected


def test_a_window_without_an_end_stays_open() -> None:
    assert gate_state(window(closes_at=None), CLOSES) is GateState.OPEN


def test_a_window_without_an_effective_moment_opens_nothing() -> None:
    assert gate_state(window(opens_at=None, closes_at=None), CLOSES) is GateState.CLOSED


def test_no_window_is_closed() -> None:
    assert gate_state(None, OPENS) is GateState.CLOSED
    assert not is_released([], GROUP, COMPONENT, is_calibration=False, at=OPENS)


def test_never_is_never() -> None:
    promise = window(opens_at=None, closes_at=None, never=True)
    assert gate_state(promise, OPENS) is GateState.NEVER
    assert not is_released([promise], GROUP, COMPONENT, is_calibration=False, at=OPENS)


def test_the_moment_is_the_same_for_every_clock_on_the_wall() -> None:
    from_brussels = datetime.fromisoformat("2024-06-21T08:00:00+02:00")
    assert gate_state(window(), from_brussels) is GateState.OPEN
    assert gate_state(window(), from_brussels - TICK) is GateState.PLANNED


def test_the_most_specific_window_decides_alone() -> None:
    wide, group, component = window(), window(GROUP), window(GROUP, COMPONENT)
    assert decisive_window([wide, group, component], GROUP, COMPONENT) is component
    assert decisive_window([component, group, wide], GROUP, COMPONENT + 1) is group
    assert decisive_window([wide, group, component], GROUP + 1, COMPONENT) is wide
    assert decisive_window([group], GROUP + 1, COMPONENT) is None


def test_a_specific_promise_closes_what_the_whole_opens() -> None:
    promise = window(GROUP, COMPONENT, opens_at=None, closes_at=None, never=True)
    windows = [window(), promise]
    assert not is_released(windows, GROUP, COMPONENT, is_calibration=False, at=OPENS)
    assert is_released(windows, GROUP, COMPONENT + 1, is_calibration=False, at=OPENS)


def test_a_calibration_is_never_released() -> None:
    windows = [window(), window(GROUP, COMPONENT)]
    assert not is_released(windows, GROUP, COMPONENT, is_calibration=True, at=OPENS)
