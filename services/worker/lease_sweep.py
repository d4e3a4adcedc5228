"""The sweep of expired leases, which gives every worker a lease's time after an outage."""

from dataclasses import dataclass, field
from datetime import timedelta
from time import monotonic

from shared.core.unit_of_work import UnitOfWork
from shared.jobs.claims import limit_far_moments
from shared.jobs.service import sweep


@dataclass(slots=True)
class LeaseSweep:
    """A task that requeues items whose lease has expired; it costs each of them an attempt.

    While the database is unavailable, no lease can be renewed. So nothing is swept until a lease
    after it is back: a worker that lives has recorded how its attempt ended by then.
    """

    max_attempts: int
    lease_seconds: float
    interval_seconds: float
    _last: float = field(default_factory=monotonic)
    _waits_until: float = 0.0

    def __call__(self, unit: UnitOfWork) -> int:
        unit.session.connection()  # fails while the database is unavailable
        now, last = monotonic(), self._last
        self._last = now
        if now - last > self.lease_seconds + self.interval_seconds:
            self._waits_until = now + self.lease_seconds
        if now < self._waits_until:
            return 0
        far = limit_far_moments(unit.session, timedelta(seconds=self.lease_seconds))
        return far + sweep(unit.session, self.max_attempts)
