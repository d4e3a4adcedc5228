"""Takes a delivery in: all of it in the caller's transaction, or nothing and a report."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, cast
from uuid import UUID

import psycopg
from sqlalchemy import func
from sqlalchemy.orm import Session

from shared.deliveries.apply_delivery import apply_delivery
from shared.deliveries.faults import Findings
from shared.deliveries.file_loading import read_manifest, stage_files, verify_files
from shared.deliveries.manifest import Manifest, Mode
from shared.deliveries.open_source import open_source
from shared.deliveries.reference_views import create_known_views
from shared.deliveries.sequence import has_been_applied, take_turn
from shared.deliveries.source_files import Source, SourceLimits, UnreadableDeliveryError
from shared.deliveries.staging_tables import (
    create_staging_tables,
    drop_staging_tables,
    settings_for_sets,
)
from shared.deliveries.validation import validate
from shared.results.models import Delivery

Status = Literal["applied", "unchanged", "refused"]


@dataclass(frozen=True, slots=True)
class ImportOutcome:
    """What came of a delivery; `report` is JSON, and quotes no name and no INSZ."""

    delivery_id: UUID
    status: Status
    report: dict[str, Any]


def import_delivery(
    session: Session,
    source: Path,
    *,
    insz_key: bytes,
    received_from: str,
    delivery_id: UUID | None = None,
    storage_key: str | None = None,
    limits: SourceLimits | None = None,
) -> ImportOutcome:
    """Imports the directory or ZIP file at `source`; the caller commits, also what is refused.

    A refused delivery leaves its report and nothing else. `delivery_id` names a delivery that was
    received before; one that is settled already is answered with its outcome, so that asking
    twice is safe. Two imports of one administration queue.

    Raises:
        LookupError: there is no delivery with `delivery_id`.
    """
    delivery = _delivery_row(session, delivery_id, received_from, storage_key)
    if delivery.status != "received":
        return ImportOutcome(delivery.id, cast("Status", delivery.status), delivery.report)
    findings = Findings()
    status: Status = "refused"
    changes: dict[str, dict[str, int]] = {}
    try:
        with open_source(source, limits or SourceLimits(), findings.faults) as opened:
            status, changes = _take_in(session, opened, delivery, insz_key, findings)
    except UnreadableDeliveryError as error:
        findings.faults.add(error.fault)
    report = findings.report(changes)
    delivery.status, delivery.report, delivery.finished_at = status, report, func.now()
    session.flush()
    session.expire_all()
    return ImportOutcome(delivery.id, status, report)


def _delivery_row(
    session: Session, delivery_id: UUID | None, received_from: str, storage_key: str | None
) -> Delivery:
    if delivery_id is None:
        delivery = Delivery(
            status="received", received_from=received_from, storage_key=storage_key, report={}
        )
        session.add(delivery)
        session.flush()
        return delivery
    found = session.get(Delivery, delivery_id, with_for_update=True, populate_existing=True)
    if found is None:
        raise LookupError(f"no delivery {delivery_id} was received; register it first")
    if storage_key is not None:
        found.storage_key = storage_key
    return found


def _take_in(
    session: Session, source: Source, delivery: Delivery, insz_key: bytes, findings: Findings
) -> tuple[Status, dict[str, dict[str, int]]]:
    manifest = read_manifest(source, findings.faults)
    if manifest is None:
        return "refused", {}
    _describe(delivery, manifest)
    if has_been_applied(session, manifest, findings.faults):
        verify_files(source, manifest, findings)
        return ("refused" if findings.faults else "unchanged"), {}
    take_turn(session, manifest, findings.faults)
    with _staging(session, manifest.mode) as connection:
        facts = stage_files(connection, source, manifest, insz_key, findings)
        create_known_views(connection, manifest.mode, manifest.administration_id)
        validate(connection, manifest.mode, manifest.administration_id, findings)
        if findings.faults:
            return "refused", {}
        return "applied", apply_delivery(connection, manifest, facts, delivery.id)


def _describe(delivery: Delivery, manifest: Manifest) -> None:
    delivery.reference = manifest.delivery_id
    delivery.administration_id = manifest.administration_id
    delivery.mode = manifest.mode
    delivery.sequence = manifest.sequence
    delivery.content_sha256 = manifest.content_sha256


@contextmanager
def _staging(session: Session, mode: Mode) -> Iterator[psycopg.Connection[Any]]:
    """The driver's connection, on which COPY works, with staging tables for the time being."""
    session.flush()
    connection = cast("psycopg.Connection[Any]", session.connection().connection.driver_connection)
    with settings_for_sets(connection, mode):
        create_staging_tables(connection)
        yield connection
        drop_staging_tables(connection)
