"""Judges the staged rows, set by set, and names each one that cannot be taken."""

from collections.abc import Mapping
from typing import Any, Final

import psycopg

from shared.deliveries.correction_checks import AGAINST_WHAT_IS_STORED
from shared.deliveries.delivery_format import CSV_FILES, INSZ, ITEM_RESULTS, Column, FileFormat
from shared.deliveries.entity_checks import CATALOGUE, SCHOOLS_AND_STUDENTS
from shared.deliveries.faults import SHOWN_IN_FULL, Fault, Findings, showable
from shared.deliveries.integrity_check import Check, unique
from shared.deliveries.manifest import Mode
from shared.deliveries.result_checks import OUTCOMES

UNIQUE_KEYS: Final = tuple(unique(file) for file in CSV_FILES if file is not ITEM_RESULTS)

CHECKS: Final = (
    *UNIQUE_KEYS,
    *CATALOGUE,
    *SCHOOLS_AND_STUDENTS,
    *OUTCOMES,
    *AGAINST_WHAT_IS_STORED,
)

_MANY_REPEATS: Final = 100
"""A file whose keys repeat more often is not joined to others, where every repeat multiplies."""

_ITEM_LIMIT: Final = ITEM_RESULTS.column("item").limit

_DOUBTFUL_ITEMS: Final = f"""(
    select s.line + u.n - 1 as line, s.student, s.component, u.item, u.correct
    from {ITEM_RESULTS.table} s
    cross join lateral unnest(s.items, s.correct) with ordinality as u (item, correct, n)
    where s.student is null or s.component is null
       or array_position(s.items, null) is not null
       or char_length(array_to_string(s.items, '')) > {_ITEM_LIMIT}
       or not s.correct <@ array['0', '1']
)"""
"""Runs of items that a cheap look finds doubtful, taken apart again into lines."""


def validate(
    connection: psycopg.Connection[Any], mode: Mode, administration: str, findings: Findings
) -> None:
    """Adds every breach to `findings`; the staging tables and the known views must be there."""
    parameters = {"administration": administration}
    for file in CSV_FILES:
        _check_values(connection, file, findings)
    for check in CHECKS:
        if check.is_for_corrections and mode != "correction":
            continue
        if any(file.name in findings.incomplete for file in check.needs):
            continue
        breaches = _run(connection, check, parameters, findings)
        if check in UNIQUE_KEYS and breaches > _MANY_REPEATS:
            findings.incomplete.add(check.file.name)


def _run(
    connection: psycopg.Connection[Any],
    check: Check,
    parameters: Mapping[str, str],
    findings: Findings,
) -> int:
    """How many rows break the rule."""
    query = (
        f"select line, left(value, 200), context, count(*) over () from ({check.query}) breach"
        f" order by line limit {SHOWN_IN_FULL}"
    )
    rows = connection.execute(query, parameters).fetchall()
    if not rows:
        return 0
    log = findings.warnings if check.is_warning else findings.faults
    faults = (
        Fault(
            check.kind,
            check.detail.format(context=context),
            check.remedy,
            check.file.name,
            line,
            check.column,
            _quoted(value, check.file, check.column),
        )
        for line, value, context, _ in rows
    )
    total: int = rows[0][3]
    log.add_first_of(faults, check.kind, total)
    return total


def _check_values(
    connection: psycopg.Connection[Any], file: FileFormat, findings: Findings
) -> None:
    query = _value_query(file)
    counted = connection.execute(f"select kind, count(*) from ({query}) bad group by kind")
    counts = counted.fetchall()
    if not counts:
        return
    first = connection.execute(
        f"select line, column_name, kind, left(value, 200) from ({query}) bad"
        f" order by line, column_name limit {SHOWN_IN_FULL}"
    )
    faults = [_value_fault(file, *row) for row in first.fetchall()]
    for kind, count in counts:
        findings.faults.add_first_of((fault for fault in faults if fault.kind == kind), kind, count)


def _value_query(file: FileFormat) -> str:
    """Selects line, column_name, kind and value of each value that is missing or malformed."""
    judged = [column for column in file.columns if column.name != INSZ]
    kinds = [f"('{column.name}', s.{column.name}, {_kind_of_breach(column)})" for column in judged]
    doubts = [doubt for column in judged for doubt, _ in _breaches(column)]
    source = _DOUBTFUL_ITEMS if file is ITEM_RESULTS else file.table
    return f"""
        select s.line, judged.column_name, judged.kind, judged.value from {source} s
        cross join lateral (values {", ".join(kinds)}) as judged (column_name, value, kind)
        where ({" or ".join(doubts) or "false"}) and judged.kind is not null
    """


def _kind_of_breach(column: Column) -> str:
    breaches = _breaches(column)
    if not breaches:
        return "null"
    return f"case {' '.join(f'''when {doubt} then '{kind}' ''' for doubt, kind in breaches)} end"


def _breaches(column: Column) -> list[tuple[str, str]]:
    """Conditions that a value of `s` must not fulfil, with the kind of fault that it would be."""
    name = f"s.{column.name}"
    breaches: list[tuple[str, str]] = []
    if not column.is_optional:
        breaches.append((f"coalesce(btrim({name}), '') = ''", "missingValue"))
    if column.limit is not None:
        breaches.append((f"char_length({name}) > {column.limit}", "valueTooLong"))
    if column.pattern is not None:
        breaches.append((f"{name} !~ '{column.pattern}'", column.kind))
    if column.values:
        allowed = ", ".join(f"'{value}'" for value in column.values)
        breaches.append((f"{name} not in ({allowed})", column.kind))
    return breaches


def _value_fault(file: FileFormat, line: int, column: str, kind: str, value: str | None) -> Fault:
    expected = file.column(column)
    if kind == "missingValue":
        detail, remedy = "The value is missing.", "Give one; this column cannot be empty."
    elif kind == "valueTooLong":
        detail = f"The value is longer than {expected.limit} characters."
        remedy = f"Shorten it to {expected.limit} characters."
    else:
        detail, remedy = "The value is not one that can be used.", f"Give {expected.form}."
    return Fault(kind, detail, remedy, file.name, line, column, _quoted(value, file, column))


def _quoted(value: str | None, file: FileFormat, column: str) -> str | None:
    if file.column(column).is_personal:
        return None
    return showable(value, among_names=file.is_about_students)
