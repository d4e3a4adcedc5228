"""Reads a delivery file by file: the manifest first, then what it names, each of them once."""

from typing import Any

import psycopg

from shared.deliveries.delivery_format import (
    ADMINISTRATION,
    CSV_FILES,
    MANIFEST,
    REQUIRED_IN_FULL,
)
from shared.deliveries.faults import Fault, FaultLog, Findings
from shared.deliveries.json_file import MAX_BYTES
from shared.deliveries.manifest import (
    AdministrationFacts,
    Manifest,
    mismatched_administration,
    parse_administration,
    parse_manifest,
)
from shared.deliveries.source_files import MeasuredStream, Source, UnreadableDeliveryError
from shared.deliveries.staging_tables import stage_file, verify


def read_manifest(source: Source, faults: FaultLog) -> Manifest | None:
    """None when there is nothing to go by; `faults` then says why."""
    if MANIFEST not in source.names:
        if MANIFEST not in source.rejected:
            remedy = "Put delivery.json beside the other files, at the top of the delivery."
            faults.add(Fault("manifestMissing", "The delivery has no manifest.", remedy, MANIFEST))
        return None
    with source.open(MANIFEST) as stream:
        return parse_manifest(stream.read(MAX_BYTES + 1), faults)


def verify_files(source: Source, manifest: Manifest, findings: Findings) -> None:
    """Holds the bytes against the manifest without taking them in."""
    _compare_names(source, manifest, findings)
    for name, entry in manifest.files.items():
        findings.rows[name] = entry.rows
        if name not in source.names:
            continue
        try:
            with source.open(name) as stream:
                verify(stream, entry, None, findings)
        except UnreadableDeliveryError as error:
            findings.faults.add(error.fault)


def stage_files(
    connection: psycopg.Connection[Any],
    source: Source,
    manifest: Manifest,
    insz_key: bytes,
    findings: Findings,
) -> AdministrationFacts | None:
    """Stages every CSV file; a file that cannot be read is a fault, and the others are read on."""
    _compare_names(source, manifest, findings)
    facts = _read_administration(connection, source, manifest, findings)
    for file in CSV_FILES:
        if file.name not in source.names:
            continue
        try:
            with source.open(file.name) as stream:
                reader = stage_file(connection, file, stream, insz_key, findings)
                rows = None if reader.was_cut_short else reader.rows
                _verify(stream, manifest, rows, findings)
        except UnreadableDeliveryError as error:
            findings.faults.add(error.fault)
            findings.incomplete.add(file.name)
    return facts


def _compare_names(source: Source, manifest: Manifest, findings: Findings) -> None:
    there = set(source.names) | source.rejected
    expected = set(REQUIRED_IN_FULL) if manifest.mode == "full" else set()
    for name in sorted((expected | manifest.files.keys()) - there):
        detail = "The file is not in the delivery."
        remedy = "Add it; a full delivery has every file, and each that the manifest names."
        findings.faults.add(Fault("fileMissing", detail, remedy, name))
        findings.incomplete.add(name)
    for name in sorted(there - manifest.files.keys() - {MANIFEST}):
        detail = "The manifest does not name the file."
        remedy = "Name it in the manifest with its rows and hash, or remove it."
        findings.faults.add(Fault("fileNotInManifest", detail, remedy, name))
    findings.incomplete.update(source.rejected)


def _read_administration(
    connection: psycopg.Connection[Any],
    source: Source,
    manifest: Manifest,
    findings: Findings,
) -> AdministrationFacts | None:
    if ADMINISTRATION not in source.names:
        query = "select from administrations where id = %s"
        is_known = connection.execute(query, [manifest.administration_id]).rowcount
        if not is_known and ADMINISTRATION not in findings.incomplete:
            detail = "No administration with this id has been delivered."
            remedy = "Add administration.json, or correct the id."
            findings.faults.add(
                Fault("unknownAdministration", detail, remedy, MANIFEST, column="administrationId")
            )
        return None
    try:
        with source.open(ADMINISTRATION) as stream:
            facts = parse_administration(stream.read(MAX_BYTES + 1), findings.faults)
            findings.rows[ADMINISTRATION] = 1
            _verify(stream, manifest, 1, findings)
    except UnreadableDeliveryError as error:
        findings.faults.add(error.fault)
        return None
    if facts is not None and facts.id != manifest.administration_id:
        findings.faults.add(mismatched_administration(facts.id))
    return facts


def _verify(
    stream: MeasuredStream, manifest: Manifest, rows: int | None, findings: Findings
) -> None:
    entry = manifest.files.get(stream.name)
    if entry is not None:
        verify(stream, entry, rows, findings)
