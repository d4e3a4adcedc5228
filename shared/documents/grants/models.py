"""Table of download grants: links that are valid until their document has been sent once."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, LargeBinary, String, text
from sqlalchemy.orm import Mapped, mapped_column

from shared.core.database import INSTANT, Base


class DownloadGrant(Base):
    """A link to one document that is valid once. Only a hash of its secret is stored.

    `used_at` is the first use; the link can be resumed until `completed_at`, when the last byte of
    the document was sent, or until it expires. `granted_bytes` is the sum of what its requests
    could get.

    `client`, `caller_kind` and `caller_organisation` identify the issuer, whose rights are
    checked again when the link is used. `caller_subject` is the person for whom the issuer called,
    if any; `school_id` is the school of the document. The link ends with the token of the request,
    which is stored by its id, its times, and the client's key with which it was requested.
    """

    __tablename__ = "download_grants"
    __table_args__ = (
        CheckConstraint("octet_length(secret_sha256) = 32", name="secret_is_a_hash"),
        Index("ix_download_grants_expires_at", "expires_at"),
        Index("ix_download_grants_document_id", "document_id"),
    )

    secret_sha256: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    document_id: Mapped[UUID] = mapped_column(ForeignKey("documents.id", ondelete="CASCADE"))
    client: Mapped[str] = mapped_column(String(128))
    caller_kind: Mapped[str] = mapped_column(String(16))
    caller_organisation: Mapped[str | None] = mapped_column(String(6))
    caller_subject: Mapped[str | None] = mapped_column(String(128))
    school_id: Mapped[str] = mapped_column(ForeignKey("schools.id"))
    token_id: Mapped[str] = mapped_column(String(128))
    token_issued_at: Mapped[datetime] = mapped_column(INSTANT)
    token_expires_at: Mapped[datetime] = mapped_column(INSTANT)
    client_key: Mapped[str | None] = mapped_column(String(43))
    expires_at: Mapped[datetime] = mapped_column(INSTANT)
    used_at: Mapped[datetime | None] = mapped_column(INSTANT)
    completed_at: Mapped[datetime | None] = mapped_column(INSTANT)
    granted_bytes: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))
