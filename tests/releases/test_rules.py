from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from shared.access.products import Product
from shared.releases.rules import (
    ComponentFacts,
    Gate,
    GateState,
    Recalled,
    Window,
    deciding_windows,
    gate_state,
    is_left_out,
    overlaps,
)

OPENS = datetime(2024, 6, 21, 6, 0, tzinfo=UTC)
CLOSES = datetime(2024, 9, 13, 15, 0, tzinfo=UTC)
AUTUMN_OPENS = datetime(2024, 9, 20, 6, 0, tzinfo=UTC)
AUTUMN_CLOSES = datetime(2024, 9, 27, 15, 0, tzinfo=UTC)
TICK = timedelta(microseconds=1)
GROUP, COMPONENT = 1, 10
SUBJECT = ComponentFacts(GROUP, COMPONENT, is_calibration=False)
SIBLING = ComponentFacts(GROUP, COMPONENT + 1, is_calibration=False)
CALIBRATION = ComponentFacts(GROUP, COMPONENT, is_calibration=True)


def window(
    target_group_id: int | None = None,
    component_id: int | None = None,
    *,
    opens_at: datetime | None = OPENS,
    closes_at: datetime | None = CLOSES,
    never: bool = False,
) -> Window:
    """Return a window that opens without an opening, as those from before release plans do."""
    return Window(target_group_id, component_id, opens_at, closes_at, never, before_plans=True)


def is_released(
    windows: Sequence[Window], component: ComponentFacts, product: Product, at: datetime
) -> bool:
    return Gate(windows).is_released(component, product, at)


def state(window: Window | None, at: datetime) -> GateState:
    return gate_state(window, at, is_opened=False)


NEVER = window(opens_at=None, closes_at=None, never=True)
UNDECIDED = window(opens_at=None, closes_at=None)
VIEWING = (window(), window(opens_at=AUTUMN_OPENS, closes_at=AUTUMN_CLOSES))
"""Two periods in which tests can be viewed."""


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
def test_a_window_is_open_from_its_opening_up_to_its_closing(
    at: datetime, expected: GateState
) -> None:
    assert state(window(), at) is expected


def test_a_window_without_closing_stays_open() -> None:
    assert state(window(closes_at=None), CLOSES) is GateState.OPEN


def test_a_window_without_effective_moment_is_closed() -> None:
    assert state(window(opens_at=None, closes_at=None), CLOSES) is GateState.CLOSED


@pytest.mark.parametrize("product", Product)
def test_without_a_window_the_gate_is_closed(product: Product) -> None:
    assert state(None, OPENS) is GateState.CLOSED
    assert not is_released([], SUBJECT, product, OPENS)


@pytest.mark.parametrize("product", Product)
def test_never_is_never_released(product: Product) -> None:
    assert state(NEVER, OPENS) is GateState.NEVER
    assert not is_released([NEVER], SUBJECT, product, OPENS)
    assert is_left_out([NEVER], SUBJECT, product)


def test_the_moment_is_the_same_in_every_time_zone() -> None:
    from_brussels = datetime.fromisoformat("2024-06-21T08:00:00+02:00")
    assert state(window(), from_brussels) is GateState.OPEN
    assert state(window(), from_brussels - TICK) is GateState.PLANNED


@pytest.mark.parametrize("product", Product)
def test_only_the_most_specific_scope_applies(product: Product) -> None:
    wide, group, component = window(), window(GROUP), window(None, COMPONENT)
    windows = [wide, group, component]
    of_another_group = ComponentFacts(GROUP + 1, COMPONENT + 2, is_calibration=False)
    assert deciding_windows(windows, SUBJECT, product) == [component]
    assert deciding_windows(reversed(windows), SIBLING, product) == [group]
    assert deciding_windows(windows, of_another_group, product) == [wide]
    assert deciding_windows([group], of_another_group, product) == []


@pytest.mark.parametrize("product", Product)
def test_a_window_of_a_component_decides_in_any_target_group(product: Product) -> None:
    moved = ComponentFacts(GROUP + 1, COMPONENT, is_calibration=False)
    component, group = window(None, COMPONENT), window(GROUP + 1)
    assert deciding_windows([component, group], moved, product) == [component]


@pytest.mark.parametrize("product", Product)
def test_never_for_a_component_closes_what_a_wide_window_opens(product: Product) -> None:
    windows = [window(), window(None, COMPONENT, opens_at=None, closes_at=None, never=True)]
    assert not is_released(windows, SUBJECT, product, OPENS)
    assert is_released(windows, SIBLING, product, OPENS)
    assert is_left_out(windows, SUBJECT, product)
    assert not is_left_out(windows, SIBLING, product)


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        (OPENS - TICK, False),
        (OPENS, True),
        (CLOSES, False),
        (AUTUMN_OPENS - TICK, False),
        (AUTUMN_OPENS, True),
        (AUTUMN_CLOSES, False),
    ],
)
def test_a_scope_with_two_windows_is_open_in_both(at: datetime, *, expected: bool) -> None:
    assert is_released(VIEWING, SUBJECT, Product.TEST_VIEWING, at) is expected


def test_both_windows_of_a_scope_override_a_wider_one() -> None:
    windows = [window(closes_at=None), *(replace(one, target_group_id=GROUP) for one in VIEWING)]
    assert not is_released(windows, SUBJECT, Product.TEST_VIEWING, CLOSES)


@pytest.mark.parametrize("product", [Product.STUDENT_FEEDBACK, Product.TEST_VIEWING])
def test_a_calibration_is_never_released_to_students(product: Product) -> None:
    windows = [window(), window(None, COMPONENT)]
    assert not is_released(windows, CALIBRATION, product, OPENS)
    assert is_left_out(windows, CALIBRATION, product)


def test_only_its_own_window_releases_a_calibration_in_school_feedback() -> None:
    wide, own = [window(), window(GROUP)], window(None, COMPONENT)
    product = Product.SCHOOL_FEEDBACK
    assert not is_released(wide, CALIBRATION, product, OPENS)
    assert is_left_out(wide, CALIBRATION, product)
    assert is_released([*wide, own], CALIBRATION, product, OPENS)
    assert not is_left_out([*wide, own], CALIBRATION, product)
    assert is_released(wide, SUBJECT, product, OPENS)


def test_a_calibration_with_never_stays_closed_in_school_feedback() -> None:
    own = window(None, COMPONENT, opens_at=None, closes_at=None, never=True)
    assert not is_released([window(), own], CALIBRATION, Product.SCHOOL_FEEDBACK, OPENS)
    assert is_left_out([window(), own], CALIBRATION, Product.SCHOOL_FEEDBACK)


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        (window(), window(opens_at=CLOSES, closes_at=None), False),
        (window(), window(opens_at=CLOSES - TICK, closes_at=None), True),
        (window(closes_at=None), window(opens_at=CLOSES, closes_at=None), True),
        (window(), UNDECIDED, False),
        (UNDECIDED, UNDECIDED, True),
        (NEVER, UNDECIDED, True),
        (NEVER, window(), True),
        (NEVER, NEVER, True),
        (window(), window(GROUP), False),
        (NEVER, window(None, COMPONENT), False),
        (window(None, COMPONENT), window(None, COMPONENT + 1), False),
    ],
)
def test_windows_of_one_scope_overlap(first: Window, second: Window, *, expected: bool) -> None:
    assert overlaps(first, second) is expected
    assert overlaps(second, first) is expected


@pytest.mark.parametrize(
    ("is_opened", "is_recalled", "expected"),
    [
        (False, False, GateState.BLOCKED),
        (True, False, GateState.OPEN),
        (True, True, GateState.RECALLED),
    ],
)
def test_a_planned_window_opens_with_its_opening_only(
    *, is_opened: bool, is_recalled: bool, expected: GateState
) -> None:
    planned = replace(window(), before_plans=False)
    states = {"is_opened": is_opened, "is_recalled": is_recalled}
    assert gate_state(planned, OPENS, **states) is expected
    assert gate_state(planned, OPENS - TICK, **states) is GateState.PLANNED
    assert gate_state(planned, CLOSES, **states) is GateState.CLOSED


@pytest.mark.parametrize(
    ("recall", "closed"),
    [
        (Recalled(), {SUBJECT, SIBLING}),
        (Recalled(GROUP), {SUBJECT, SIBLING}),
        (Recalled(GROUP + 1), set()),
        (Recalled(None, COMPONENT), {SUBJECT}),
        (Recalled(school_id="000028"), {SUBJECT, SIBLING}),
        (Recalled(school_id="007947"), set()),
    ],
)
def test_a_recall_closes_what_it_names(recall: Recalled, closed: set[ComponentFacts]) -> None:
    gate = Gate([window()], recalls=[recall])
    product = Product.STUDENT_FEEDBACK
    for component in (SUBJECT, SIBLING):
        is_open = gate.is_released(component, product, OPENS, "000028")
        assert is_open is (component not in closed)
