"""Temporary tables with the rows of a delivery as text, each with its line number."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import psycopg

from shared.deliveries.copy_encoding import encoder_for
from shared.deliveries.csv_reader import CsvReader
from shared.deliveries.delivery_format import (
    CLASS_GROUPS,
    CSV_FILES,
    ENDED,
    HASHED,
    ITEM_RESULTS,
    MANIFEST,
    SORT_KEY,
    STUDENTS,
)
from shared.deliveries.delivery_source import HashingStream, UnreadableDeliveryError
from shared.deliveries.faults import Fault, Findings
from shared.deliveries.file_format import FileFormat
from shared.deliveries.manifest import FileEntry, Manifest, Mode

WRITE_SIZE: Final = 64 * 1024

ENDED_ENROLMENTS: Final = "ended_enrolments"
"""The table of the rows of students.csv that end an enrolment."""

WRITTEN_ROWS: Final = "written_rows"
"""The table of what the delivery wrote: kind of row, school and student, which can be empty."""

_REMEDY: Final = "Submit the file and the manifest that belong together."

_SETTINGS: Final = {"jit": "off", "work_mem": "64MB"}
_SETTINGS_OF_FULL: Final = {"enable_nestloop": "off"}
"""A full delivery fills tables without statistics. The planner would take them for nearly empty
and choose nested loops, whose time is quadratic in the rows."""


@contextmanager
def bulk_load_settings(connection: psycopg.Connection[Any], mode: Mode) -> Iterator[None]:
    """Set planner settings for large sets until the end of the block.

    After an error, the rollback of the transaction restores them.
    """
    settings = _SETTINGS | (_SETTINGS_OF_FULL if mode == "full" else {})
    before = {name: connection.execute(f"show {name}").fetchone() for name in settings}
    for name, value in settings.items():
        connection.execute("select set_config(%s, %s, true)", [name, value])
    yield
    for name, row in before.items():
        connection.execute("select set_config(%s, %s, true)", [name, *(row or ())])


def create_staging_tables(connection: psycopg.Connection[Any]) -> None:
    """Create empty staging tables; the end of the transaction drops them at the latest."""
    drop_staging_tables(connection)
    for file in CSV_FILES:
        columns = ", ".join(f"{name} {kind}" for name, kind in _columns(file))
        connection.execute(
            f"create temporary table {file.table} (line bigint not null, {columns}) on commit drop"
        )
    connection.execute(
        f"create temporary table {ENDED_ENROLMENTS} (like {STUDENTS.table}) on commit drop"
    )
    connection.execute(
        f"create temporary table {WRITTEN_ROWS} (kind text, school_id varchar, student_id uuid,"
        " component_id integer) on commit drop"
    )


def separate_ended_enrolments(connection: psycopg.Connection[Any]) -> None:
    """Move the rows of ended enrolments, so that the staged students are those of a school."""
    connection.execute(
        f"with ended as (delete from {STUDENTS.table} where enrolment = '{ENDED}' returning *)"
        f" insert into {ENDED_ENROLMENTS} select * from ended"
    )


def drop_staging_tables(connection: psycopg.Connection[Any]) -> None:
    names = (*(file.table for file in CSV_FILES), ENDED_ENROLMENTS, WRITTEN_ROWS)
    tables = ", ".join(f"pg_temp.{name}" for name in names)
    connection.execute(f"drop table if exists {tables} cascade")


def stage_file(
    connection: psycopg.Connection[Any],
    file: FileFormat,
    stream: HashingStream,
    manifest: Manifest,
    insz_key: bytes,
    findings: Findings,
) -> CsvReader:
    """Copy every readable row to the file's table, in one pass over the stream."""
    reader = CsvReader(stream, file, manifest.format_version, findings)
    if reader.header is not None:
        encoder = encoder_for(file, reader.header, insz_key, findings.faults)
        with connection.cursor().copy(
            f"copy {file.table} ({', '.join(encoder.columns)}) from stdin"
            f" with (format text, delimiter E'{encoder.delimiter}', null '')"
        ) as copy:
            for block in _blocks(encoder.encode(part) for part in reader):
                copy.write(block)
            copy.write(encoder.finish())
        connection.execute(f"analyze {file.table}")
    findings.rows[file.name] = reader.rows
    return reader


def compare_with_entry(
    stream: HashingStream, entry: FileEntry, rows: int | None, findings: Findings
) -> None:
    """Compare the hash and the number of rows with the manifest; `rows` None skips the latter."""
    try:
        while stream.read():
            pass
    except UnreadableDeliveryError as error:
        if stream.name not in findings.incomplete:
            findings.faults.add(error.fault)
        return
    if stream.sha256 != entry.sha256:
        detail = f"The SHA-256 hash of {stream.name} is not the one in the manifest."
        column = f"files.{stream.name}.sha256"
        findings.faults.add(Fault("hashMismatch", detail, _REMEDY, MANIFEST, column=column))
    if rows is not None and rows != entry.rows:
        detail = f"{stream.name} has {rows} data rows, and the manifest has {entry.rows}."
        column, value = f"files.{stream.name}.rows", str(entry.rows)
        findings.faults.add(
            Fault("rowCountMismatch", detail, _REMEDY, MANIFEST, column=column, value=value)
        )


def _columns(file: FileFormat) -> Iterator[tuple[str, str]]:
    if file is ITEM_RESULTS:
        yield from (("student", "text"), ("component", "text"))
        yield from (("items", "text[]"), ("correct", "text[]"))
        return
    for column in file.columns:
        hashed = HASHED.get(column.name)
        yield (column.name, "text") if hashed is None else (hashed, "bytea")
    if file in {CLASS_GROUPS, STUDENTS}:
        yield SORT_KEY, "text"


def _blocks(parts: Iterator[str]) -> Iterator[str]:
    """Join the parts to larger blocks."""
    pending: list[str] = []
    size = 0
    for part in parts:
        pending.append(part)
        size += len(part)
        if size >= WRITE_SIZE:
            yield "".join(pending)
            pending, size = [], 0
    yield "".join(pending)
