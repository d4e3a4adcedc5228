"""The command that checks an installation: servers, schema, keys, documents and audit log."""

import json
from dataclasses import asdict
from typing import Annotated

import typer

from services.cli.doctor.checks import run_checks
from services.cli.doctor.findings import Finding, Status
from services.cli.target import DEFAULT_DATA, DataOption, settings_for

SIGNS = {Status.OK: "ok", Status.FAILED: "FAILED", Status.SKIPPED: "skipped"}


def doctor(
    documents: Annotated[
        int, typer.Option(min=0, help="Number of documents to compare with the object store.")
    ] = 100,
    as_json: Annotated[bool, typer.Option("--json", help="Print the findings as JSON.")] = False,
    data: DataOption = DEFAULT_DATA,
) -> None:
    """Check the whole installation; exit 1 if a check fails.

    The login of the database owner makes every check; with the login of a program, those that it
    may not make are skipped by name.
    """
    findings = list(run_checks(settings_for(data, "owner"), documents))
    if as_json:
        print(json.dumps({"checks": [asdict(finding) for finding in findings]}, indent=2))
    else:
        for finding in findings:
            print(_line(finding))
    if any(finding.status is Status.FAILED for finding in findings):
        raise typer.Exit(1)


def _line(finding: Finding) -> str:
    remedy = f" -> {finding.remedy}" if finding.remedy else ""
    return f"{SIGNS[finding.status]:<8} {finding.check}: {finding.detail}{remedy}"
