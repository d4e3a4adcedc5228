"""Structured logs: one JSON object a line on standard output, without personal data."""

import logging
import sys
import traceback
from contextlib import suppress
from typing import Any, TextIO, cast

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from shared.core.errors import ConfigurationError
from shared.core.log_limit import LogLimit
from shared.core.server_errors import explain_server_error
from shared.core.version import package_version

MAX_FRAMES = 6
"""The number of innermost frames of a traceback in a line."""


def configure_logging(level: str, lines_per_second: int, **context: str) -> None:
    """Configure the logs of the process, once, at its entry point; `context` is in every line.

    The first line has the version of the program.

    Libraries log through `logging` in the same format, from WARNING on: below that level their
    messages may contain personal data.
    """

    def add_context(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
        return {**context, **event}

    limit = LogLimit(lines_per_second)
    processors: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        add_context,
        limit.add_left_out,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _describe_exception,
    ]
    threshold = logging.getLevelNamesMapping()[level]
    structlog.configure(
        processors=[
            limit.drop_excess,
            *processors,
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(threshold),
        logger_factory=structlog.PrintLoggerFactory(cast("TextIO", _LossyStream(sys.stdout))),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stdout)
    handler.addFilter(limit)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=processors,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.JSONRenderer(ensure_ascii=False),
            ],
        )
    )
    logging.basicConfig(level=max(logging.WARNING, threshold), handlers=[handler], force=True)
    structlog.get_logger(__name__).info("process_started", version=package_version())


class _LossyStream:
    """A stream that ignores write errors: a full disk must not stop requests and jobs."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> None:
        with suppress(OSError):
            self._stream.write(text)

    def flush(self) -> None:
        with suppress(OSError):
            self._stream.flush()


def describe_error(error: BaseException) -> dict[str, Any]:
    """Return the type and traceback of an error, without its message, which may quote a row.

    `reason` has the cause and the remedy: of an error of the database or of Redis, and of a
    `ConfigurationError`, whose message quotes nothing.
    """
    frames = traceback.extract_tb(error.__traceback__)[-MAX_FRAMES:]
    is_explained = isinstance(error, ConfigurationError)
    reason = str(error) if is_explained else explain_server_error(error)
    return {
        "error": type(error).__qualname__,
        **({"reason": reason} if reason else {}),
        "frames": [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames],
    }


def _describe_exception(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    error: Any = event.pop("exc_info", None)
    if error is True:
        error = sys.exc_info()
    if isinstance(error, tuple):
        error = error[1]
    if isinstance(error, BaseException):
        event.update(describe_error(error))
    return event
