"""Reads while documents are being rebuilt: refused, so that no response mixes old and new facts."""

from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from shared.core.errors import DomainError, ResourceNotFound


class DocumentsBeingRebuilt(DomainError):  # noqa: N818  # named after its code
    """Documents that the caller could read are outdated since a delivery, and are being rebuilt."""

    def __init__(self) -> None:
        super().__init__(
            "documentBeingRebuilt",
            "The documents are being made again after a correction; try again in a few seconds.",
        )


def require_no_rebuild(session: Session, document_id: UUID) -> None:
    """Refuse a document that was not found because it is being rebuilt.

    Reach and gate are computed for every id, so that the time tells nothing about others.

    Raises:
        DocumentsBeingRebuilt: when it is.
    """
    if session.scalar(select(func.document_is_being_rebuilt(document_id))):
        raise DocumentsBeingRebuilt


@contextmanager
def outside_rebuilds(
    session: Session, school_id: str, administration_id: str | None = None
) -> Iterator[None]:
    """Read the documents of a school, or of one administration, as they are between rebuilds.

    The statements in the block see commits of other transactions. The state before and after them
    is therefore the same, or the read is refused.

    Raises:
        DocumentsBeingRebuilt: when documents that the caller could read are outdated, or become so.
    """
    before = _require_state(session, school_id, administration_id)

    def require_same_state() -> None:
        if _require_state(session, school_id, administration_id) != before:
            raise DocumentsBeingRebuilt

    try:
        yield
    except ResourceNotFound:
        require_same_state()
        raise
    require_same_state()


def _require_state(session: Session, school_id: str, administration_id: str | None) -> str:
    found = select(func.state_of_documents(school_id, administration_id))
    state: str | None = session.scalar(found)
    if state is None:
        raise DocumentsBeingRebuilt
    return state
