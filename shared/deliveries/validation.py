"""Validation of the staged rows, set by set."""

from typing import Any, Final, NamedTuple

import psycopg
from psycopg.rows import class_row

from shared.deliveries.catalogue_checks import CATALOGUE_CHECKS
from shared.deliveries.contradiction_checks import CONTRADICTION_CHECKS, LEVELS_AGAINST_SCORES
from shared.deliveries.correction_checks import CORRECTION_CHECKS
from shared.deliveries.delivery_format import (
    CSV_FILES,
    HASHED,
    ITEM_RESULTS,
    REFERENCES,
    STUDENTS,
)
from shared.deliveries.enrolment_checks import ENROLMENT_CHECKS
from shared.deliveries.faults import MAX_LISTED_FAULTS, Fault, Findings, quotable
from shared.deliveries.file_format import Column, FileFormat
from shared.deliveries.identity_checks import IDENTITY_CHECKS, MAX_REFUSALS, too_many_refusals
from shared.deliveries.integrity_check import IntegrityCheck, unique_key_check
from shared.deliveries.look_alikes import LOOK_ALIKE_CHECKS, merge_class_groups
from shared.deliveries.manifest import Manifest
from shared.deliveries.meaning_checks import MEANING_CHECKS
from shared.deliveries.reference_checks import REFERENCE_CHECKS, VALUE_CHECKS
from shared.deliveries.result_checks import RESULT_CHECKS
from shared.deliveries.staging_tables import separate_ended_enrolments
from shared.deliveries.successor_checks import check_successors

UNIQUE_KEYS: Final = tuple(
    unique_key_check(file) for file in CSV_FILES if file not in {ITEM_RESULTS, REFERENCES}
)

CHECKS: Final = (
    *UNIQUE_KEYS,
    *CATALOGUE_CHECKS,
    *LOOK_ALIKE_CHECKS,
    *ENROLMENT_CHECKS,
    *IDENTITY_CHECKS,
    *CONTRADICTION_CHECKS,
    *MEANING_CHECKS,
    *RESULT_CHECKS,
    *REFERENCE_CHECKS,
    *CORRECTION_CHECKS,
)

CONTRADICTS_STORED: Final = "contradictsStored"

_HAS_STAMNUMMER: Final = f"select from {STUDENTS.table} where stamnummer is not null limit 1"

_MAX_DUPLICATE_KEYS: Final = 100
"""A file with more duplicate keys is not joined with others, where each duplicate multiplies."""

_ITEM_LIMIT: Final = ITEM_RESULTS.column("item").limit

_SUSPECT_ITEMS: Final = f"""(
    select s.line + u.n - 1 as line, s.student, s.component, u.item, u.correct
    from {ITEM_RESULTS.table} s
    cross join lateral unnest(s.items, s.correct) with ordinality as u (item, correct, n)
    where s.student is null or s.component is null
       or array_position(s.items, null) is not null
       or char_length(array_to_string(s.items, '')) > {_ITEM_LIMIT}
       or not s.correct <@ array['0', '1']
)"""
"""The item results, a line each, of every run that a cheap condition on the arrays selects."""


class _Violation(NamedTuple):
    line: int
    value: str | None
    context: int | None
    total: int


class _InvalidValue(NamedTuple):
    line: int
    column: str
    kind: str
    value: str | None


class _ValueRule(NamedTuple):
    """A condition in SQL that is true for an invalid value, and the kind of its fault."""

    condition: str
    kind: str


def validate(connection: psycopg.Connection[Any], manifest: Manifest, findings: Findings) -> None:
    """Add a fault for every violation; the staging tables and the effective views must exist.

    For a correction, `check_stored_rows` follows.
    """
    merge_class_groups(connection, findings)
    for file in CSV_FILES:
        _check_values(connection, file, findings)
    separate_ended_enrolments(connection)
    check_successors(connection, findings)
    for check in CHECKS:
        if check.reads_stored if manifest.mode == "correction" else check.is_for_corrections:
            continue
        if any(file.name in findings.incomplete for file in check.needs):
            continue
        violations = _run(connection, check, manifest, findings)
        if check in UNIQUE_KEYS and violations > _MAX_DUPLICATE_KEYS:
            findings.incomplete.add(check.file.name)
    if not findings.faults:
        for check in (LEVELS_AGAINST_SCORES, *VALUE_CHECKS):
            _run(connection, check, manifest, findings)


def check_stored_rows(
    connection: psycopg.Connection[Any], administration: str, refusals: int, findings: Findings
) -> None:
    """Add one fault if a correction does not fit the stored rows about students.

    After too many `refusals` of the client, a correction with a stamnummer is refused before any
    comparison: each comparison tells whether a school has that number.

    The fault has no row, value or count: it is the same for every violation. Another fault must
    not be found already: with one, a correction could be submitted to learn about stored rows, and
    would change none.
    """
    if refusals >= MAX_REFUSALS and connection.execute(_HAS_STAMNUMMER).rowcount:
        findings.faults.add(
            too_many_refusals(
                "stamnummer",
                "because corrections contradict what is stored. Until then, its corrections with "
                "stamnummers are refused.",
            )
        )
        return
    parameters = {"administration": administration}
    violated = [
        connection.execute(f"select from ({check.query}) violation limit 1", parameters).rowcount
        for check in CHECKS
        if check.reads_stored
    ]
    if any(violated):
        findings.faults.add(
            Fault(
                CONTRADICTS_STORED,
                "The correction refers to students, class groups or results that are not stored, "
                "or contradicts those that are. The report does not say which.",
                "Compare the correction with the deliveries that it corrects, or submit a full "
                "delivery of the administration.",
            )
        )


def _run(
    connection: psycopg.Connection[Any],
    check: IntegrityCheck,
    manifest: Manifest,
    findings: Findings,
) -> int:
    """Add the violations of the check to the findings, and return their number."""
    query = (
        "select line, left(value, 200) as value, context, count(*) over () as total"
        f" from ({check.query}) violation order by line limit {MAX_LISTED_FAULTS}"
    )
    parameters = {
        "administration": manifest.administration_id,
        "version": manifest.format_version,
    }
    cursor = connection.cursor(row_factory=class_row(_Violation))
    violations = cursor.execute(query, parameters).fetchall()
    if not violations:
        return 0
    is_warning = check.is_warning or (check.is_warning_in_full and manifest.mode == "full")
    log = findings.warnings if is_warning else findings.faults
    faults = (_violation_fault(check, violation) for violation in violations)
    log.add_counted(faults, check.kind, violations[0].total)
    return violations[0].total


def _violation_fault(check: IntegrityCheck, violation: _Violation) -> Fault:
    return Fault(
        check.kind,
        check.detail.format(context=violation.context),
        check.remedy,
        check.file.name,
        violation.line,
        check.column,
        _quote(violation.value, check.file, check.column),
    )


def _check_values(
    connection: psycopg.Connection[Any], file: FileFormat, findings: Findings
) -> None:
    query = _value_query(file)
    counts = connection.execute(
        f"select kind, count(*) from ({query}) invalid group by kind"
    ).fetchall()
    if not counts:
        return
    first = connection.cursor(row_factory=class_row(_InvalidValue)).execute(
        f'select line, column_name as "column", kind, left(value, 200) as value'
        f" from ({query}) invalid order by line, column_name limit {MAX_LISTED_FAULTS}"
    )
    faults = [_value_fault(file, invalid) for invalid in first.fetchall()]
    for kind, count in counts:
        findings.faults.add_counted((fault for fault in faults if fault.kind == kind), kind, count)


def _value_query(file: FileFormat) -> str:
    """Return SQL of line, column_name, kind and value of each missing or invalid value."""
    columns = [column for column in file.columns if column.name not in HASHED]
    kinds = [f"('{column.name}', s.{column.name}, {_kind_of_fault(column)})" for column in columns]
    conditions = [rule.condition for column in columns for rule in _value_rules(column)]
    source = _SUSPECT_ITEMS if file is ITEM_RESULTS else file.table
    return f"""
        select s.line, checked.column_name, checked.kind, checked.value from {source} s
        cross join lateral (values {", ".join(kinds)}) as checked (column_name, value, kind)
        where ({" or ".join(conditions) or "false"}) and checked.kind is not null
    """


def _kind_of_fault(column: Column) -> str:
    """Return SQL of the kind of fault of a value in `s`, or of NULL for a valid value."""
    rules = _value_rules(column)
    if not rules:
        return "null"
    cases = (f"when {condition} then '{kind}'" for condition, kind in rules)
    return f"case {' '.join(cases)} end"


def _value_rules(column: Column) -> list[_ValueRule]:
    name = f"s.{column.name}"
    rules: list[_ValueRule] = []
    if not (column.is_optional or column.may_be_empty):
        rules.append(_ValueRule(f"coalesce(btrim({name}), '') = ''", "missingValue"))
    if column.limit is not None:
        rules.append(_ValueRule(f"char_length({name}) > {column.limit}", "valueTooLong"))
    if column.pattern is not None:
        rules.append(_ValueRule(f"{name} !~ '{column.pattern}'", column.kind))
    if column.values:
        allowed = ", ".join(f"'{value}'" for value in column.values)
        rules.append(_ValueRule(f"{name} not in ({allowed})", column.kind))
    return rules


def _value_fault(file: FileFormat, invalid: _InvalidValue) -> Fault:
    column = file.column(invalid.column)
    if invalid.kind == "missingValue":
        detail, remedy = "The value is missing.", "Give a value; this column cannot be empty."
    elif invalid.kind == "valueTooLong":
        detail = f"The value is longer than {column.limit} characters."
        remedy = f"Shorten it to {column.limit} characters."
    else:
        detail, remedy = "The value is invalid.", f"Give {column.expected}."
    value = _quote(invalid.value, file, column.name)
    return Fault(invalid.kind, detail, remedy, file.name, invalid.line, column.name, value)


def _quote(value: str | None, file: FileFormat, column: str) -> str | None:
    if file.column(column).is_personal:
        return None
    return quotable(value, is_about_students=file.is_about_students)
