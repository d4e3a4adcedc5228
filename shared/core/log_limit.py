"""A limit on log lines of one kind, with a count of those that were left out."""

import logging
import time
from collections import Counter
from threading import Lock

from structlog import DropEvent
from structlog.typing import EventDict, WrappedLogger

KIND = ("event", "method", "route", "status", "error")
"""The fields that a kind of line of ours consists of: each has few different values."""

LEFT_OUT = "left_out"


class LogLimit:
    """At most `lines_per_second` of each kind; the rest is counted.

    The first line of a later second has the counts of all kinds. Thread-safe.
    """

    def __init__(self, lines_per_second: int) -> None:
        self._limit = lines_per_second
        self._lock = Lock()
        self._second = 0
        self._written: Counter[str] = Counter()
        self._left_out: Counter[str] = Counter()
        self._report: dict[str, int] = {}

    def allows(self, kind: str) -> bool:
        """Count a line of the kind; return False when it is one too many in this second."""
        with self._lock:
            second = int(time.monotonic())
            if second != self._second:
                self._second = second
                self._written.clear()
                self._report = dict(self._left_out)
            self._written[kind] += 1
            is_allowed = self._written[kind] <= self._limit
            if not is_allowed:
                self._left_out[kind] += 1
            return is_allowed

    def drop_excess(self, _logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
        """Drop a line of ours that is one too many; a structlog processor."""
        kind = " ".join(str(event[name]) for name in KIND if name in event)
        if not self.allows(kind):
            raise DropEvent
        return event

    def filter(self, record: logging.LogRecord) -> bool:
        """Return False for a line of a library that is one too many; a filter of `logging`."""
        return self.allows(f"{record.name} {record.filename}:{record.lineno}")

    def add_left_out(self, _logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
        """Add the counts of the lines that were left out before; a structlog processor."""
        with self._lock:
            report, self._report = self._report, {}
            self._left_out.subtract(report)
            self._left_out += Counter()  # without the kinds that are reported completely
        return {**event, LEFT_OUT: report} if report else event
