"""Loading of a delivery, file by file: the manifest first, then each file in it once."""

from typing import Any

import psycopg

from shared.deliveries.delivery_format import (
    ADMINISTRATION,
    CSV_FILES,
    MANIFEST,
    REQUIRED_IN_FULL,
)
from shared.deliveries.delivery_source import DeliverySource, HashingStream, UnreadableDeliveryError
from shared.deliveries.faults import Fault, FaultLog, Findings
from shared.deliveries.json_file import MAX_BYTES
from shared.deliveries.manifest import (
    AdministrationFacts,
    Manifest,
    changed_school_year,
    mismatched_administration,
    parse_administration,
    parse_manifest,
)
from shared.deliveries.staging_tables import compare_with_entry, stage_file


def read_manifest(source: DeliverySource, faults: FaultLog) -> Manifest | None:
    """Return the manifest, or None after adding its faults."""
    if MANIFEST not in source.names:
        if MANIFEST not in source.rejected:
            remedy = "Add delivery.json at the top level of the delivery."
            faults.add(Fault("manifestMissing", "The delivery has no manifest.", remedy, MANIFEST))
        return None
    with source.open(MANIFEST) as stream:
        return parse_manifest(stream.read(MAX_BYTES + 1), faults)


def verify_files(source: DeliverySource, manifest: Manifest, findings: Findings) -> None:
    """Compare the bytes of every file with the manifest, without staging them."""
    _compare_names(source, manifest, findings)
    for name, entry in manifest.entries.items():
        findings.rows[name] = entry.rows
        if name not in source.names:
            continue
        try:
            with source.open(name) as stream:
                compare_with_entry(stream, entry, None, findings)
        except UnreadableDeliveryError as error:
            findings.faults.add(error.fault)


def stage_files(
    connection: psycopg.Connection[Any],
    source: DeliverySource,
    manifest: Manifest,
    insz_key: bytes,
    findings: Findings,
) -> AdministrationFacts | None:
    """Stage every CSV file, and return the facts of the administration.

    A file that cannot be read is a fault; the other files are still staged.
    """
    _compare_names(source, manifest, findings)
    facts = _read_administration(connection, source, manifest, findings)
    for file in CSV_FILES:
        if file.name not in source.names:
            continue
        try:
            with source.open(file.name) as stream:
                reader = stage_file(connection, file, stream, manifest, insz_key, findings)
                rows = None if reader.is_truncated else reader.rows
                _compare_with_manifest(stream, manifest, rows, findings)
        except UnreadableDeliveryError as error:
            findings.faults.add(error.fault)
            findings.incomplete.add(file.name)
    return facts


def _compare_names(source: DeliverySource, manifest: Manifest, findings: Findings) -> None:
    present = set(source.names) | source.rejected
    expected = set(REQUIRED_IN_FULL) if manifest.mode == "full" else set()
    for name in sorted((expected | manifest.entries.keys()) - present):
        detail = "The file is not in the delivery."
        remedy = "Add it. The manifest lists it, or a full delivery requires it."
        findings.faults.add(Fault("fileMissing", detail, remedy, name))
        findings.incomplete.add(name)
    for name in sorted(present - manifest.entries.keys() - {MANIFEST}):
        detail = "The manifest does not list the file."
        remedy = "Add its rows and hash to the manifest, or remove the file."
        findings.faults.add(Fault("fileNotInManifest", detail, remedy, name))
    findings.incomplete.update(source.rejected)


def _read_administration(
    connection: psycopg.Connection[Any],
    source: DeliverySource,
    manifest: Manifest,
    findings: Findings,
) -> AdministrationFacts | None:
    if ADMINISTRATION not in source.names:
        if ADMINISTRATION not in findings.incomplete:
            _require_stored_administration(connection, manifest, findings)
        return None
    try:
        with source.open(ADMINISTRATION) as stream:
            facts = parse_administration(stream.read(MAX_BYTES + 1), findings.faults)
            findings.rows[ADMINISTRATION] = 1
            _compare_with_manifest(stream, manifest, 1, findings)
    except UnreadableDeliveryError as error:
        findings.faults.add(error.fault)
        return None
    if facts is not None and facts.id != manifest.administration_id:
        findings.faults.add(mismatched_administration(facts.id))
    elif facts is not None and _has_other_school_year(connection, facts):
        log = findings.warnings if manifest.mode == "full" else findings.faults
        log.add(changed_school_year(facts.school_year))
    return facts


def _has_other_school_year(connection: psycopg.Connection[Any], facts: AdministrationFacts) -> bool:
    query = "select from administrations where id = %s and school_year <> %s"
    return connection.execute(query, [facts.id, facts.school_year]).rowcount > 0


def _require_stored_administration(
    connection: psycopg.Connection[Any], manifest: Manifest, findings: Findings
) -> None:
    query = "select from administrations where id = %s"
    if connection.execute(query, [manifest.administration_id]).rowcount == 0:
        detail = "No administration with this id is stored."
        remedy = "Add administration.json, or correct the id."
        findings.faults.add(
            Fault("unknownAdministration", detail, remedy, MANIFEST, column="administrationId")
        )


def _compare_with_manifest(
    stream: HashingStream, manifest: Manifest, rows: int | None, findings: Findings
) -> None:
    entry = manifest.entries.get(stream.name)
    if entry is not None:
        compare_with_entry(stream, entry, rows, findings)
