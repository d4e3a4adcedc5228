"""Use cases of reading documents; every read and every download is checked and recorded."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy.orm import Session

from shared.access.decisions import Rule, allow, deny
from shared.access.requests import AccessRequest
from shared.core.unit_of_work import UnitOfWork
from shared.documents import repository
from shared.documents.repository import DocumentFilter, DocumentRow
from shared.schools.service import require_school


def list_documents(
    unit: UnitOfWork, access: AccessRequest, wanted: DocumentFilter, offset: int, limit: int
) -> tuple[int, Sequence[DocumentRow]]:
    """Return the number of released documents that match, and a page of them.

    Raises:
        ResourceNotFound: when the school does not exist or is out of reach.
    """
    require_school(unit, access, wanted.school_id)
    page = repository.page_of_documents(unit.session, wanted, offset, limit)
    allow(unit, access, wanted.school_id)
    return page


def read_document(unit: UnitOfWork, access: AccessRequest, document_id: UUID) -> DocumentRow:
    """Return the document with the segments of its bytes, and record the read.

    Raises:
        ResourceNotFound: when it does not exist, is out of reach or is not released. The audit log
            has the reason; the caller does not learn it.
    """
    row = require_document(unit, access, document_id)
    allow(unit, access, row.document.school_id)
    return row


def require_document(unit: UnitOfWork, access: AccessRequest, document_id: UUID) -> DocumentRow:
    """Return the document without recording the read, for a download in progress.

    Raises:
        ResourceNotFound: as `read_document`; the refusal is recorded.
    """
    row = repository.find_document(unit.session, document_id)
    if row is None or not row.is_released or not access.reach.includes(row.document.school_id):
        school_id = repository.school_of_document(unit.session, document_id)
        is_reached = school_id is not None and access.reach.includes(school_id)
        deny(unit, access, school_id, Rule.GATE if is_reached else Rule.REACH)
    return row


def resources_with(
    session: Session, school_id: str, student_id: UUID | None, document_id: UUID | None
) -> list[str] | None:
    """Return the resources in the audit log of a student or document; None if neither is given."""
    if student_id is None and document_id is None:
        return None
    documents = {*repository.documents_with(session, school_id, student_id, document_id)}
    if document_id is not None:
        documents.add(document_id)
    paths = [f"/v1/documents/{document}" for document in documents]
    return paths if student_id is None else [f"/v1/students/{student_id}", *paths]
