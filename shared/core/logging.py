"""Structured logs: one JSON object a line on standard output, without personal data."""

import logging
import sys
import traceback
from contextlib import suppress
from typing import Any, TextIO, cast

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from shared.core.log_limit import LogLimit

FRAMES = 6
"""How many of the innermost places of a traceback a line names."""


def configure_logging(level: str, lines_per_second: int, **context: str) -> None:
    """Configure the log of a process, once, at its entry point; `context` is in every line.

    Libraries that log through `logging` come out in the same form from WARNING up; below that
    they may quote what they work on, and are left out.
    """

    def add_context(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
        return {**context, **event}

    limit = LogLimit(lines_per_second)
    steps: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        add_context,
        limit.add_left_out,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _name_places,
    ]
    threshold = logging.getLevelNamesMapping()[level]
    structlog.configure(
        processors=[
            limit.drop_excess,
            *steps,
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(threshold),
        logger_factory=structlog.PrintLoggerFactory(cast("TextIO", _Lossy(sys.stdout))),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stdout)
    handler.addFilter(limit)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=steps,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.JSONRenderer(ensure_ascii=False),
            ],
        )
    )
    logging.basicConfig(level=max(logging.WARNING, threshold), handlers=[handler], force=True)


class _Lossy:
    """Loses what cannot be written: a full disk under the log stops no request and no job."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> None:
        with suppress(OSError):
            self._stream.write(text)

    def flush(self) -> None:
        with suppress(OSError):
            self._stream.flush()


def describe_error(error: BaseException) -> dict[str, Any]:
    """The kind of an error and where it rose; not its message, which may quote a row."""
    places = traceback.extract_tb(error.__traceback__)[-FRAMES:]
    return {
        "error": type(error).__qualname__,
        "places": [f"{place.filename}:{place.lineno} {place.name}" for place in places],
    }


def _name_places(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    raised: Any = event.pop("exc_info", None)
    if raised is True:
        raised = sys.exc_info()
    if isinstance(raised, tuple):
        raised = raised[1]
    if isinstance(raised, BaseException):
        event.update(describe_error(raised))
    return event
