"""Temporary tables that hold a delivery as text, row by row with its line, until it is judged."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import psycopg

from shared.deliveries.copy_encoding import encoder_for
from shared.deliveries.csv_reader import CsvReader
from shared.deliveries.delivery_format import (
    CSV_FILES,
    INSZ,
    ITEM_RESULTS,
    MANIFEST,
    FileFormat,
)
from shared.deliveries.faults import Fault, Findings
from shared.deliveries.manifest import FileEntry, Mode
from shared.deliveries.source_files import MeasuredStream, UnreadableDeliveryError

WRITE_SIZE: Final = 64 * 1024


_SETTINGS: Final = {"jit": "off", "work_mem": "64MB"}
_SETTINGS_OF_FULL: Final = {"enable_nestloop": "off"}
"""A full delivery fills tables that the planner has no figures of yet: taken for nearly empty, they
would be searched row by row, which for two large sets takes for ever."""


@contextmanager
def settings_for_sets(connection: psycopg.Connection[Any], mode: Mode) -> Iterator[None]:
    """Plans fit for large sets, until the end of the block; after an error the rollback undoes."""
    settings = _SETTINGS | (_SETTINGS_OF_FULL if mode == "full" else {})
    before = {name: connection.execute(f"show {name}").fetchone() for name in settings}
    for name, value in settings.items():
        connection.execute("select set_config(%s, %s, true)", [name, value])
    yield
    for name, row in before.items():
        connection.execute("select set_config(%s, %s, true)", [name, *(row or ())])


def create_staging_tables(connection: psycopg.Connection[Any]) -> None:
    """Empty ones; they are gone when the transaction ends, if not before."""
    drop_staging_tables(connection)
    for file in CSV_FILES:
        columns = ", ".join(f"{name} {kind}" for name, kind in _columns(file))
        connection.execute(
            f"create temporary table {file.table} (line bigint not null, {columns}) on commit drop"
        )


def drop_staging_tables(connection: psycopg.Connection[Any]) -> None:
    tables = ", ".join(f"pg_temp.{file.table}" for file in CSV_FILES)
    connection.execute(f"drop table if exists {tables} cascade")


def stage_file(
    connection: psycopg.Connection[Any],
    file: FileFormat,
    stream: MeasuredStream,
    insz_key: bytes,
    findings: Findings,
) -> CsvReader:
    """Fills the file's table with every row that can be read, in one pass over the stream."""
    reader = CsvReader(stream, file, findings)
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


def verify(stream: MeasuredStream, entry: FileEntry, rows: int | None, findings: Findings) -> None:
    """Compares what was read with the manifest; `rows` None leaves the count out of it."""
    try:
        while stream.read():
            pass
    except UnreadableDeliveryError as error:
        if stream.name not in findings.incomplete:
            findings.faults.add(error.fault)
        return
    remedy = "Deliver the file that the manifest was made for, or a manifest of this file."
    if stream.sha256 != entry.sha256:
        detail = f"The bytes of {stream.name} are not the ones that the manifest was made for."
        column = f"files.{stream.name}.sha256"
        findings.faults.add(Fault("hashMismatch", detail, remedy, MANIFEST, column=column))
    if rows is not None and rows != entry.rows:
        detail = f"{stream.name} has {rows} data rows, and the manifest counts {entry.rows}."
        findings.faults.add(
            Fault(
                "rowCountMismatch",
                detail,
                remedy,
                MANIFEST,
                column=f"files.{stream.name}.rows",
                value=str(entry.rows),
            )
        )


def _columns(file: FileFormat) -> Iterator[tuple[str, str]]:
    if file is ITEM_RESULTS:
        yield from (("student", "text"), ("component", "text"))
        yield from (("items", "text[]"), ("correct", "text[]"))
        return
    for column in file.columns:
        yield ("insz_hash", "bytea") if column.name == INSZ else (column.name, "text")


def _blocks(parts: Iterator[str]) -> Iterator[str]:
    """The same text in fewer, larger pieces."""
    held: list[str] = []
    size = 0
    for part in parts:
        held.append(part)
        size += len(part)
        if size >= WRITE_SIZE:
            yield "".join(held)
            held, size = [], 0
    yield "".join(held)
