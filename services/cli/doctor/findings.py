"""The finding of a check: what was found, and the remedy of a fault."""

from dataclasses import dataclass
from enum import StrEnum


class Status(StrEnum):
    OK = "ok"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of one check; a failed or skipped one has a remedy."""

    check: str
    status: Status
    detail: str
    remedy: str = ""


def passed(check: str, detail: str) -> Finding:
    return Finding(check, Status.OK, detail)


def failed(check: str, detail: str, remedy: str) -> Finding:
    return Finding(check, Status.FAILED, detail, remedy)


def failed_by(check: str, subject: str, explanation: str) -> Finding:
    """Return a failed finding about a subject, from a sentence `cause; remedy`."""
    cause, _, remedy = explanation.partition("; ")
    return failed(check, f"{subject}: {cause}" if subject else cause, remedy)


def skipped(check: str, detail: str, remedy: str) -> Finding:
    return Finding(check, Status.SKIPPED, detail, remedy)
