"""Units of work of a few statements, which wait no longer for the database than is useful."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from shared.core.database import Sessions
from shared.core.deadlines import deadline
from shared.core.unit_of_work import UnitOfWork

SHORT_UNIT_SECONDS = 10.0
"""The time for a unit of a few statements, unless a lease is longer."""


@contextmanager
def short_unit(sessions: Sessions, lease: timedelta) -> Iterator[UnitOfWork]:
    """Yield a unit of a few statements; without a response in time, it is rolled back.

    The connection can be half open: nobody would ever respond.
    """
    seconds = max(lease.total_seconds(), SHORT_UNIT_SECONDS)
    with deadline(seconds), UnitOfWork(sessions) as unit:
        yield unit
