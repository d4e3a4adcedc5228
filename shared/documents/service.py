"""Use cases of reading documents; every read and every download is checked and recorded."""

from dataclasses import replace
from typing import NoReturn
from uuid import UUID

from sqlalchemy.orm import Session

from shared.access.decisions import About, Rule, allow, deny
from shared.access.requests import AccessRequest
from shared.access.rules import products_of_documents
from shared.audit.repository import Mention
from shared.core.paging import Page, PageSelection
from shared.core.unit_of_work import UnitOfWork
from shared.documents import repository
from shared.documents.rebuilds.reading import outside_rebuilds, require_no_rebuild
from shared.documents.repository import DocumentFilter, DocumentRow
from shared.documents.superseded.repository import record_download
from shared.mandates.service import renew_reach
from shared.schools.service import require_school


def list_documents(
    unit: UnitOfWork, access: AccessRequest, wanted: DocumentFilter, selection: PageSelection
) -> Page[DocumentRow]:
    """Return a page of the released documents that match, of the products that the scopes read.

    Raises:
        ResourceNotFound: when the school does not exist or is out of reach.
        DocumentsBeingRebuilt: while its documents are being rebuilt.
    """
    require_school(unit, access, wanted.school_id)
    wanted = replace(wanted, products=products_of_documents(access.caller))
    with outside_rebuilds(unit.session, wanted.school_id, wanted.administration_id):
        page = repository.page_of_documents(unit.session, wanted, selection)
    students = tuple(row.document.student_id for row in page.rows if row.document.student_id)
    allow(unit, access, wanted.school_id, About(students))
    return page


def read_document(unit: UnitOfWork, access: AccessRequest, document_id: UUID) -> DocumentRow:
    """Return the document with the segments of its bytes, and record the read.

    Raises:
        ResourceNotFound: when it does not exist, is out of reach, is not released, or is of a
            product that no scope of the caller reads. The audit log has the reason; the caller does
            not learn it.
        DocumentsBeingRebuilt: while it is being rebuilt.
    """
    row = _find_document(unit, access, document_id)
    if row is None:
        require_no_rebuild(unit.session, document_id)
        _deny(unit, access, document_id)
    if len(products_of_documents(access.caller)) > 1:  # each has a mandate with its own purpose
        access = renew_reach(unit.session, access, row.document.product)
    allow(unit, access, row.document.school_id, About(document=document_id))
    return row


def download_document(unit: UnitOfWork, access: AccessRequest, document_id: UUID) -> DocumentRow:
    """Return the document as `read_document` does, and record which version is downloaded."""
    row = read_document(unit, access, document_id)
    record_download(unit.session, row.document)
    return row


def require_document(unit: UnitOfWork, access: AccessRequest, document_id: UUID) -> DocumentRow:
    """Return the document without recording the read, for a download in progress.

    Raises:
        ResourceNotFound: as `read_document`, and while it is being rebuilt; the refusal is
            recorded.
    """
    return _find_document(unit, access, document_id) or _deny(unit, access, document_id)


def _find_document(
    unit: UnitOfWork, access: AccessRequest, document_id: UUID
) -> DocumentRow | None:
    row = repository.find_document(unit.session, document_id)
    if row is None or not row.is_released or not access.reach.includes(row.document.school_id):
        return None
    if row.document.product not in products_of_documents(access.caller):
        deny(unit, access, row.document.school_id, Rule.SCOPE, About(document=document_id))
    return row


def _deny(unit: UnitOfWork, access: AccessRequest, document_id: UUID) -> NoReturn:
    school_id = repository.school_of_document(unit.session, document_id)
    is_reached = school_id is not None and access.reach.includes(school_id)
    rule = Rule.GATE if is_reached else Rule.REACH
    deny(unit, access, school_id, rule, About(document=document_id))


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
