"""Checks of what is stored: the INSZ key, the bytes of documents, and the audit log."""

import hashlib
from pathlib import Path

from obstore.exceptions import BaseError as StoreError
from sqlalchemy import Connection, func, select, text
from sqlalchemy.orm import Session

from services.cli.doctor.database import unreadable
from services.cli.doctor.findings import Finding, failed, failed_by, passed, skipped
from shared.audit import service
from shared.audit.head_exports import exported_heads
from shared.core.errors import ConfigurationError
from shared.core.secrets import read_insz_key
from shared.deliveries.insz_key import is_stored_key
from shared.documents.models import Document
from shared.documents.objects import PREFIX
from shared.storage.store import Storage, StoredObjectMissingError
from shared.storage.store_errors import explain_store_error

SHOWN = 3
INSZ_KEY = "INSZ key of the database"
OBJECTS, DOCUMENTS, AUDIT_LOG = "objects", "documents", "audit log"


_NEEDED_SIZES = text("""
    select key, max(byte_offset + byte_size) as size
    from (
        select s.* from documents,
            unnest(storage_keys, byte_offsets, byte_sizes) s (key, byte_offset, byte_size)
        union all select storage_key, byte_offset, byte_size from reading_guides
    ) segments
    group by key
""")


def check_insz_key(connection: Connection, path: Path | None) -> Finding:
    """Compare the key file with the check value that the first import stored."""
    if finding := unreadable(connection, INSZ_KEY, "insz_key"):
        return finding
    try:
        key = None if path is None else read_insz_key(path)
    except ConfigurationError:
        key = None
    if key is None:
        remedy = "run it with TOETSFEEDBACK_INSZ_KEY_FILE, as a worker"
        return skipped(INSZ_KEY, "there is no key to compare", remedy)
    with Session(connection) as session:
        is_same = is_stored_key(session, key)
    if is_same is False:
        remedy = "set TOETSFEEDBACK_INSZ_KEY_FILE to the file in the backup of the keys"
        return failed(INSZ_KEY, f"earlier imports used another key than {path}", remedy)
    return passed(INSZ_KEY, "the same" if is_same else "no delivery was applied yet")


def check_objects(connection: Connection, storage: Storage) -> Finding:
    """Compare the number of objects that documents refer to with those in the store."""
    if finding := unreadable(connection, OBJECTS, "documents"):
        return finding
    needed: dict[str, int] = {row.key: row.size for row in connection.execute(_NEEDED_SIZES)}
    try:
        sizes = storage.sizes(PREFIX)
    except StoreError as error:
        return failed_by(OBJECTS, "they cannot be listed", explain_store_error(error))
    missing = sum(1 for key, size in needed.items() if sizes.get(key, 0) < size)
    if missing:
        return failed(
            OBJECTS,
            f"{missing:,} of {len(needed):,} are not in the object store, or too short",
            "restore the object store, or make them again with "
            "`toetsfeedback build --administration ID`",
        )
    return passed(OBJECTS, f"{len(needed):,} of {len(needed):,} in the object store")


def check_documents(connection: Connection, storage: Storage, number: int) -> Finding:
    """Compare the hashes of random documents with their bytes in the object store."""
    if finding := unreadable(connection, DOCUMENTS, "documents"):
        return finding
    with Session(connection) as session:
        total = session.scalar(select(func.count()).select_from(Document)) or 0
        chosen = session.scalars(select(Document).order_by(func.random()).limit(number)).all()
        session.expunge_all()
    try:
        wrong = [str(document.id) for document in chosen if not _is_intact(document, storage)]
    except StoreError as error:
        return failed_by(DOCUMENTS, "they cannot be read", explain_store_error(error))
    if wrong:
        return failed(
            DOCUMENTS,
            f"{len(wrong)} of {len(chosen)} have no bytes in the object store, or others "
            f"({', '.join(wrong[:SHOWN])}{' …' if len(wrong) > SHOWN else ''})",
            "restore the object store as of the time of the database, or build the documents again "
            "with `toetsfeedback build --administration ID --force`",
        )
    return passed(DOCUMENTS, f"{len(chosen):,} of {total:,} compared with the object store")


def _is_intact(document: Document, storage: Storage) -> bool:
    digest = hashlib.sha256()
    try:
        for chunk in storage.stream_segments(document.segments):
            digest.update(chunk)
    except StoredObjectMissingError:
        return False
    return digest.digest() == document.sha256


def check_audit_log(connection: Connection, storage: Storage) -> Finding:
    """Verify the hash chains, which must contain the heads that workers exported."""
    if finding := unreadable(connection, AUDIT_LOG, "audit_events"):
        return finding
    remedy = "`toetsfeedback audit verify` lists them; docs/operations.md says what is expected"
    try:
        exported = exported_heads(storage)
    except (StoreError, OSError) as error:
        subject = "the exported heads cannot be read"
        return failed_by(AUDIT_LOG, subject, explain_store_error(error))
    except ConfigurationError as error:
        return failed(AUDIT_LOG, str(error), remedy)
    with Session(connection) as session:
        faults = sum(1 for _ in service.verify(session, exported))
        heads = service.heads(session)
    counted = f"{sum(head.events for head in heads.values()):,} entries in {len(heads):,} chains"
    if faults:
        return failed(AUDIT_LOG, f"{faults:,} faults in {counted}", remedy)
    return passed(AUDIT_LOG, f"{counted}, no fault")
