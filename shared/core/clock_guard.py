"""The comparison of this machine's clock with that of the database, for the release gate.

Nobody knows which of two different clocks is right. So nothing opens while they differ: the gate
judges as of the last moment at which they agreed. A process that has seen none takes the earlier of
the two when it sees the difference.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import structlog

logger = structlog.get_logger(__name__)

TOLERANCE = timedelta(seconds=2)
GATE_LIMIT = "toetsfeedback.gate_limit"
"""The setting of a transaction after which nothing opens (`gate_moment` in the database)."""


def utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(slots=True)
class ClockGuard:
    """The difference of the clocks as one process saw it last, and the limit that follows."""

    now: Callable[[], datetime] = utc_now
    difference: timedelta = timedelta(0)
    limit: datetime | None = None
    _agreed_at: datetime | None = field(default=None)

    def observe(self, sent_at: datetime, database_at: datetime) -> bool:
        """Compare the clocks after a statement that was sent at `sent_at`.

        Return True if the limit changed, so that the running transaction does not have it yet.
        """
        received_at, before = self.now(), self.limit
        ahead, behind = database_at - received_at, sent_at - database_at
        self.difference = max(ahead, behind, timedelta(0))
        if self.difference <= TOLERANCE:
            self._agreed_at, self.limit = database_at, None
        elif self.limit is None:
            self.limit = self._agreed_at or min(received_at, database_at)
        if (before is None) != (self.limit is None):
            self._report()
        return self.limit != before

    def settings(self) -> Mapping[str, str]:
        """Return the settings of a new transaction."""
        return {} if self.limit is None else {GATE_LIMIT: self.limit.isoformat()}

    def _report(self) -> None:
        seconds = round(self.difference.total_seconds(), 3)
        if self.limit is None:
            logger.warning("clocks_agree_again", seconds=seconds)
        else:
            logger.error("clocks_differ", seconds=seconds, nothing_opens_after=str(self.limit))
