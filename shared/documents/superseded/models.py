"""Tables of superseded documents: earlier versions, and which versions a school downloaded."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, Integer, LargeBinary, String, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from shared.core.database import INSTANT, Base
from shared.documents.kinds import DocumentKind


class SupersededReason(StrEnum):
    """The reason for which a version of a document is no longer the current one."""

    CORRECTED = "corrected"
    NEW_TEMPLATE = "newTemplate"
    WITHDRAWN = "withdrawn"


_KINDS = ", ".join(repr(kind.value) for kind in DocumentKind)
_REASONS = ", ".join(repr(reason.value) for reason in SupersededReason)


class SupersededDocument(Base):
    """An earlier version of a document, or the last one of a document that was withdrawn.

    A trigger adds it when a build replaces or removes the row of the document. It has no bytes, and
    is deleted with its student. `sha256` is the hash of the bytes that there were.
    """

    __tablename__ = "superseded_documents"
    __table_args__ = (
        CheckConstraint(f"kind in ({_KINDS})", name="kind_known"),
        CheckConstraint(f"reason in ({_REASONS})", name="reason_known"),
        Index(
            "ix_superseded_documents_school_id", "school_id", "administration_id", "superseded_at"
        ),
        Index("ix_superseded_documents_student_id", "student_id"),
        Index("ix_superseded_documents_class_group_id", "class_group_id"),
    )

    document_id: Mapped[UUID] = mapped_column(primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(String(16))
    administration_id: Mapped[str] = mapped_column(String(32))
    school_id: Mapped[str] = mapped_column(String(6))
    class_group_id: Mapped[UUID | None] = mapped_column(
        ForeignKey("class_groups.id", ondelete="CASCADE")
    )
    student_id: Mapped[UUID | None] = mapped_column(ForeignKey("students.id", ondelete="CASCADE"))
    component_ids: Mapped[list[int]] = mapped_column(ARRAY(Integer))
    sha256: Mapped[bytes] = mapped_column(LargeBinary)
    reason: Mapped[str] = mapped_column(String(16))
    built_at: Mapped[datetime] = mapped_column(INSTANT)
    superseded_at: Mapped[datetime] = mapped_column(INSTANT, server_default=text("now()"))


class DocumentDownload(Base):
    """The first download of a version of a document, by the school or with its mandate.

    It has no reference to the document, which may be withdrawn.
    """

    __tablename__ = "document_downloads"

    document_id: Mapped[UUID] = mapped_column(primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True)
    school_id: Mapped[str] = mapped_column(String(6))
    downloaded_at: Mapped[datetime] = mapped_column(INSTANT, server_default=text("now()"))
