"""Use cases of reading documents; the policy is asked again at every one, content included."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy.orm import Session

from shared.documents import repository
from shared.documents.repository import DocumentRow, Shelf
from shared.schools.service import Inquiry, grant, refuse, require_school


def list_documents(
    session: Session, inquiry: Inquiry, shelf: Shelf, offset: int, limit: int
) -> tuple[int, Sequence[DocumentRow]]:
    """How many documents on the shelf are released now, and a page of them.

    Raises:
        ResourceNotFound: when the school is not there or out of reach.
    """
    require_school(session, inquiry, shelf.school_id)
    page = repository.page_of_documents(session, shelf, offset, limit)
    grant(session, inquiry, shelf.school_id)
    return page


def read_document(session: Session, inquiry: Inquiry, document_id: UUID) -> DocumentRow:
    """The document, with the place of its bytes in the object store.

    Raises:
        ResourceNotFound: when it is not there, out of reach or not released; the trail knows
            which, the caller does not.
    """
    row = require_document(session, inquiry, document_id)
    grant(session, inquiry, row[0].school_id)
    return row


def require_document(session: Session, inquiry: Inquiry, document_id: UUID) -> DocumentRow:
    """The same without an entry for what is allowed: for a read that was granted before."""
    row = repository.find_document(session, document_id)
    if row is None or not inquiry.reaches(row[0].school_id) or not row[2]:
        school_id = repository.school_of_document(session, document_id)
        is_reached = school_id is not None and inquiry.reaches(school_id)
        refuse(session, inquiry, school_id, "gate" if is_reached else "reach")
    return row


def resources_with(
    session: Session, school_id: str, student_id: UUID | None, document_id: UUID | None
) -> list[str] | None:
    """What the trail calls the data of a student or a document; None when neither is named."""
    if student_id is None and document_id is None:
        return None
    documents = {*repository.documents_with(session, school_id, student_id, document_id)}
    if document_id is not None:
        documents.add(document_id)
    paths = [f"/v1/documents/{document}" for document in documents]
    return paths if student_id is None else [f"/v1/students/{student_id}", *paths]
