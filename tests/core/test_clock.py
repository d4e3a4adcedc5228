from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.core.clock import BRUSSELS, from_brussels, in_brussels

INSTANTS = st.datetimes(
    datetime(2000, 1, 1),  # noqa: DTZ001  # the strategy adds the zone
    datetime(2100, 1, 1),  # noqa: DTZ001  # the same
    timezones=st.just(UTC),
)


@given(INSTANTS)
def test_local_time_gives_its_instant_unless_it_is_repeated(instant: datetime) -> None:
    local = in_brussels(instant).replace(tzinfo=None, fold=0)
    instants = {local.replace(tzinfo=BRUSSELS, fold=fold).astimezone(UTC) for fold in (0, 1)}
    if len(instants) == 1:
        assert from_brussels(local) == instant
    else:
        with pytest.raises(ValueError, match="occurs twice in Brussels: write "):
            from_brussels(local)


def test_repeated_hour_is_refused() -> None:
    with pytest.raises(ValueError, match=r"write 2024-10-27T02:30:00\+02:00 or 2024-10-27T02:30"):
        from_brussels(datetime(2024, 10, 27, 2, 30))  # noqa: DTZ001  # a local time


def test_skipped_hour_is_refused() -> None:
    for minute in (0, 30, 59):
        with pytest.raises(ValueError, match="does not exist in Brussels"):
            from_brussels(datetime(2024, 3, 31, 2, minute))  # noqa: DTZ001  # a local time
    assert from_brussels(datetime(2024, 3, 31, 3)) == datetime(2024, 3, 31, 1, tzinfo=UTC)  # noqa: DTZ001  # the same
