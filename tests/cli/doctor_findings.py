"""Findings of `toetsfeedback doctor`, by check."""

from collections.abc import Callable

Doctor = Callable[..., dict[str, dict[str, str]]]
"""A function that runs the command with settings, and returns its findings by check."""


def statuses(findings: dict[str, dict[str, str]], status: str) -> set[str]:
    found = {check for check, finding in findings.items() if finding["status"] == status}
    assert all(findings[check]["remedy"] or findings[check]["detail"] for check in found)
    return found
