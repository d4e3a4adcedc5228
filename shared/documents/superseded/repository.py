"""SQL of superseded documents that a school downloaded, with the condition of the gate."""

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import and_, func, or_, select
from sqlalchemy.orm import Session, aliased
from sqlalchemy.sql.selectable import LateralFromClause

from shared.core.paging import ListOrder, Page, PageSelection, page_of_rows
from shared.documents.kinds import DocumentKind
from shared.documents.models import Document
from shared.documents.superseded.models import DocumentDownload, SupersededDocument
from shared.releases.repository import components_are_released
from shared.students.models import ClassGroup

_PRODUCT = DocumentKind.FICHE.product


class SupersededRow(NamedTuple):
    """A superseded document, its class group, the first download, and the current version if any.

    The download is that of the document, or of a bundle or print file that contained it.
    """

    superseded: SupersededDocument
    class_group: str | None
    downloaded_at: datetime
    current_version: int | None


_NEWEST = ListOrder(
    SupersededDocument.superseded_at,
    SupersededDocument.document_id,
    SupersededDocument.version,
    descending=True,
)


def record_download(session: Session, document: Document) -> None:
    """Record the first download of this version of a document."""
    session.execute(select(func.record_download(document.id, document.version)))


def page_of_downloaded(
    session: Session, school_id: str, administration_id: str | None, selection: PageSelection
) -> Page[SupersededRow]:
    """Return a page of the superseded documents that the school downloaded, the latest first."""
    downloaded = _first_download()
    columns = (
        SupersededDocument,
        ClassGroup.name,
        downloaded.c.downloaded_at,
        Document.version,
    )
    found = (
        select(*columns)
        .join_from(SupersededDocument, downloaded, downloaded.c.downloaded_at.is_not(None))
        .outerjoin(ClassGroup, ClassGroup.id == SupersededDocument.class_group_id)
        .outerjoin(Document, Document.id == SupersededDocument.document_id)
        .where(
            SupersededDocument.school_id == school_id,
            components_are_released(
                SupersededDocument.component_ids,
                (SupersededDocument.administration_id, SupersededDocument.school_id),
                _PRODUCT,
            ),
        )
    )
    if administration_id is not None:
        found = found.where(SupersededDocument.administration_id == administration_id)
    return page_of_rows(session, found, _NEWEST, selection).map(SupersededRow._make)


def _first_download() -> LateralFromClause:
    """Build the first download of a version: its own, or that of a version that contained it.

    A bundle or print file contains a fiche if both were current at the same time.
    """
    holder = aliased(SupersededDocument)
    is_own = and_(
        holder.document_id == SupersededDocument.document_id,
        holder.version == SupersededDocument.version,
    )
    contains = and_(
        SupersededDocument.kind == DocumentKind.FICHE,
        holder.kind.in_([DocumentKind.FICHE_BUNDLE, DocumentKind.FICHE_PRINT]),
        holder.administration_id == SupersededDocument.administration_id,
        or_(
            holder.class_group_id.is_(None),
            holder.class_group_id == SupersededDocument.class_group_id,
        ),
        holder.built_at < SupersededDocument.superseded_at,
        holder.superseded_at > SupersededDocument.built_at,
    )
    return (
        select(func.min(DocumentDownload.downloaded_at).label("downloaded_at"))
        .join_from(
            DocumentDownload,
            holder,
            and_(
                holder.document_id == DocumentDownload.document_id,
                holder.version == DocumentDownload.version,
            ),
        )
        .where(holder.school_id == SupersededDocument.school_id, or_(is_own, contains))
        .lateral("first_download")
    )
