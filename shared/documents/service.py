"""Use cases of reading documents; every read and every download is checked and recorded."""

from uuid import UUID

from sqlalchemy.orm import Session

from shared.access.decisions import About, Rule, allow, deny
from shared.access.requests import AccessRequest
from shared.audit.repository import Mention
from shared.core.paging import Page, PageSelection
from shared.core.unit_of_work import UnitOfWork
from shared.documents import repository
from shared.documents.repository import DocumentFilter, DocumentRow
from shared.schools.service import require_school


def list_documents(
    unit: UnitOfWork, access: AccessRequest, wanted: DocumentFilter, selection: PageSelection
) -> Page[DocumentRow]:
    """Return a page of the released documents that match.

    Raises:
        ResourceNotFound: when the school does not exist or is out of reach.
    """
    require_school(unit, access, wanted.school_id)
    page = repository.page_of_documents(unit.session, wanted, selection)
    students = tuple(row.document.student_id for row in page.rows if row.document.student_id)
    allow(unit, access, wanted.school_id, About(students))
    return page


def read_document(unit: UnitOfWork, access: AccessRequest, document_id: UUID) -> DocumentRow:
    """Return the document with the segments of its bytes, and record the read.

    Raises:
        ResourceNotFound: when it does not exist, is out of reach or is not released. The audit log
            has the reason; the caller does not learn it.
    """
    row = require_document(unit, access, document_id)
    allow(unit, access, row.document.school_id, About(document=document_id))
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
        rule = Rule.GATE if is_reached else Rule.REACH
        deny(unit, access, school_id, rule, About(document=document_id))
    return row


def mention_of_student(session: Session, school_id: str, student_id: UUID) -> Mention:
    """Return the filter of the audit events about a student: alone, in a list or in a document."""
    documents = repository.documents_with(session, school_id, student_id, None)
    return Mention(
        [f"/v1/students/{student_id}"], [_path(found) for found in documents], student_id
    )


def mention_of_document(session: Session, school_id: str, document_id: UUID) -> Mention:
    """Return the filter of the audit events about a document.

    For a fiche, these include the events about other documents that contained its student.
    """
    containers = repository.documents_with(session, school_id, None, document_id)
    return Mention(
        [_path(document_id)],
        [_path(found) for found in containers],
        repository.student_of_fiche(session, document_id),
        _path(""),
    )


def _path(document_id: UUID | str) -> str:
    return f"/v1/documents/{document_id}"
