"""Use cases of deliveries: import one as a whole or not at all, and read its report."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, Literal, cast
from uuid import UUID

import psycopg
from sqlalchemy import func
from sqlalchemy.orm import Session

from shared.core.errors import ResourceNotFound
from shared.deliveries import repository
from shared.deliveries.apply_delivery import apply_delivery, reported_changes
from shared.deliveries.delivery_source import DeliverySource, SourceLimits, UnreadableDeliveryError
from shared.deliveries.drawable_checks import check_drawable_texts
from shared.deliveries.effective_views import create_effective_views
from shared.deliveries.faults import Findings
from shared.deliveries.file_loading import read_manifest, stage_files, verify_files
from shared.deliveries.identity_checks import (
    OTHER_STUDENT,
    TOO_MANY_REFUSALS,
    check_other_students,
    warn_of_other_names,
)
from shared.deliveries.insz_key import require_stored_key, store_key
from shared.deliveries.manifest import AdministrationFacts, Manifest, Mode
from shared.deliveries.models import Delivery
from shared.deliveries.open_delivery import open_delivery
from shared.deliveries.recall_checks import CHANGES_RECALL, check_new_recalls, check_recalls
from shared.deliveries.removal_check import (
    MAX_COUNTED_REFUSALS,
    TOO_MUCH_REMOVED,
    RemovalLimit,
    find_removal_fault,
)
from shared.deliveries.school_events import record_for_schools
from shared.deliveries.sequence import (
    check_sequence,
    is_already_applied,
    lock_administration,
)
from shared.deliveries.staging_tables import (
    bulk_load_settings,
    create_staging_tables,
    drop_staging_tables,
)
from shared.deliveries.validation import CONTRADICTS_STORED, check_stored_rows, validate
from shared.deliveries.window_checks import ChangedComponent, check_release_windows

NAMED_REFUSALS: Final = {
    TOO_MUCH_REMOVED,
    OTHER_STUDENT,
    CONTRADICTS_STORED,
    TOO_MANY_REFUSALS,
    CHANGES_RECALL,
}
"""The faults that tell something of what is stored, or follow from too many of those."""

Status = Literal["applied", "unchanged", "refused"]


@dataclass(frozen=True, slots=True)
class ImportOutcome:
    """The outcome of an import; `report` is JSON, and quotes no name and no INSZ."""

    delivery_id: UUID
    status: Status
    report: dict[str, Any]

    @property
    def sums(self) -> dict[str, int]:
        """The rows of the delivery, and the stored rows that it added, changed and removed."""
        changes = self.report["changes"].values()
        return {"rows": sum(self.report["rows"].values())} | {
            kind: sum(change.get(kind, 0) for change in changes)
            for kind in ("added", "changed", "removed")
        }


def import_delivery(
    session: Session,
    source: Path,
    *,
    insz_key: bytes,
    received_from: str,
    delivery_id: UUID | None = None,
    storage_key: str | None = None,
    limits: SourceLimits | None = None,
    removals: RemovalLimit | None = None,
) -> ImportOutcome:
    """Import the directory or ZIP file at `source`; the caller commits, also after a refusal.

    A refused delivery leaves its report and nothing else. `delivery_id` is the id of a delivery
    that was received before. If its import has finished, its outcome is returned, so a retry is
    safe. Imports of one administration wait for each other.

    Raises:
        LookupError: there is no delivery with `delivery_id`.
        Conflict: earlier imports used another key for INSZ numbers. Nothing is recorded then.
    """
    require_stored_key(session, insz_key)
    delivery = _find_or_add(session, delivery_id, received_from, storage_key)
    if delivery.status != "received":
        return ImportOutcome(delivery.id, cast("Status", delivery.status), delivery.report)
    findings = Findings()
    status: Status = "refused"
    changes: dict[str, dict[str, int]] = {}
    running = _Import(session, delivery, insz_key, findings, removals or RemovalLimit())
    try:
        with open_delivery(source, limits or SourceLimits(), findings.faults) as opened:
            status, changes = running.run(opened)
    except UnreadableDeliveryError as error:
        findings.faults.add(error.fault)
    report = findings.report(changes)
    delivery.status, delivery.report, delivery.finished_at = status, report, func.now()
    session.flush()
    session.expire_all()
    if status == "applied":
        store_key(session, insz_key)
    elif status == "refused":
        for rule in named_refusals(findings.faults.counts):
            repository.record_refusal(session, delivery, rule)
    return ImportOutcome(delivery.id, status, report)


def named_refusals(kinds: Iterable[str]) -> list[str]:
    """Return the rules of the audit events of a refusal: `invalid` without a named fault."""
    return sorted(NAMED_REFUSALS.intersection(kinds)) or ["invalid"]


def read_delivery(session: Session, delivery_id: UUID) -> Delivery:
    """Return the delivery.

    Raises:
        ResourceNotFound: there is no delivery with this id.
    """
    delivery = repository.find_delivery(session, delivery_id)
    if delivery is None:
        raise ResourceNotFound
    return delivery


def _find_or_add(
    session: Session, delivery_id: UUID | None, received_from: str, storage_key: str | None
) -> Delivery:
    if delivery_id is None:
        delivery = Delivery(
            status="received", received_from=received_from, storage_key=storage_key, report={}
        )
        return repository.add_delivery(session, delivery)
    found = repository.find_delivery_for_update(session, delivery_id)
    if found is None:
        raise LookupError(f"there is no delivery {delivery_id}; register it before its import")
    if storage_key is not None:
        found.storage_key = storage_key
    return found


@dataclass(frozen=True, slots=True)
class _Import:
    """One import: what its steps have in common."""

    session: Session
    delivery: Delivery
    insz_key: bytes
    findings: Findings
    removals: RemovalLimit

    def run(self, source: DeliverySource) -> tuple[Status, dict[str, dict[str, int]]]:
        """Import the files; return the status and the changes by kind of row."""
        session, findings = self.session, self.findings
        manifest = read_manifest(source, findings.faults)
        if manifest is None:
            return "refused", {}
        _record_manifest(self.delivery, manifest)
        lock_administration(session, manifest)
        client = self.delivery.received_from
        if is_already_applied(session, manifest, client, findings.faults):
            verify_files(source, manifest, findings)
            return ("refused" if findings.faults else "unchanged"), {}
        check_sequence(session, manifest, findings.faults)
        with _staging(session, manifest.mode) as connection:
            facts = stage_files(connection, source, manifest, self.insz_key, findings)
            components = self._check_staged(connection, manifest, facts)
            if findings.faults:
                return "refused", {}
            with session.connection().begin_nested() if components else nullcontext() as savepoint:
                changes = apply_delivery(connection, manifest, facts, self.delivery.id)
                reported = reported_changes(connection, changes, manifest.mode)
                record_for_schools(connection, manifest, self.delivery.id, client)
                if savepoint is not None:
                    check_new_recalls(session, manifest, components, findings)
                    if findings.faults:
                        savepoint.rollback()
                        return "refused", {}
            return "applied", reported

    def _check_staged(
        self,
        connection: psycopg.Connection[Any],
        manifest: Manifest,
        facts: AdministrationFacts | None,
    ) -> Sequence[ChangedComponent]:
        """Add the faults of the staged rows, and without any those of stored rows.

        Return the components that the delivery moves, or makes a calibration or no longer one.
        """
        findings = self.findings
        create_effective_views(connection, manifest.mode, manifest.administration_id)
        validate(connection, manifest, findings)
        check_drawable_texts(connection, facts, findings)
        components = check_release_windows(self.session, connection, manifest, findings)
        if findings.faults:
            return components
        if manifest.mode == "correction":
            self._check_stored(connection, manifest)
        else:
            self._check_removals(connection, manifest)
        if not findings.faults:
            self._check_students(connection, manifest)
        if not findings.faults:
            check_recalls(self.session, connection, manifest, components, findings)
        return components

    def _check_stored(self, connection: psycopg.Connection[Any], manifest: Manifest) -> None:
        client = self.delivery.received_from
        refusals = repository.count_refusals_of_client(self.session, client, CONTRADICTS_STORED)
        check_stored_rows(connection, manifest.administration_id, refusals, self.findings)

    def _check_students(self, connection: psycopg.Connection[Any], manifest: Manifest) -> None:
        client = self.delivery.received_from
        refusals = repository.count_refusals_of_client(self.session, client, OTHER_STUDENT)
        check_other_students(connection, manifest.administration_id, refusals, self.findings)
        if not self.findings.faults:
            warn_of_other_names(connection, manifest.administration_id, self.findings)

    def _check_removals(self, connection: psycopg.Connection[Any], manifest: Manifest) -> None:
        limit = self.removals
        if limit.allowed is None:
            limit = replace(limit, allowed=manifest.allow_removals)
        administration = manifest.administration_id
        refusals = repository.count_refusals(self.session, administration, TOO_MUCH_REMOVED)
        has_counts = refusals < MAX_COUNTED_REFUSALS
        fault = find_removal_fault(connection, administration, limit, has_counts=has_counts)
        if fault is not None:
            self.findings.faults.add(fault)


def _record_manifest(delivery: Delivery, manifest: Manifest) -> None:
    delivery.reference = manifest.delivery_id
    delivery.administration_id = manifest.administration_id
    delivery.mode = manifest.mode
    delivery.sequence = manifest.sequence
    delivery.content_sha256 = manifest.content_sha256


@contextmanager
def _staging(session: Session, mode: Mode) -> Iterator[psycopg.Connection[Any]]:
    """Yield the connection of the driver, for COPY, with staging tables until the block ends."""
    session.flush()
    connection = cast("psycopg.Connection[Any]", session.connection().connection.driver_connection)
    with bulk_load_settings(connection, mode):
        create_staging_tables(connection)
        yield connection
        drop_staging_tables(connection)
