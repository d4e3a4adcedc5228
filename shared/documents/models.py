"""Table of documents: what was built, from what, and where its bytes are."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from shared.core.database import INSTANT, Base

KINDS = ("fiche", "overview", "ficheBundle")


class Document(Base):
    """A fiche, an overview or a bundle; the row switches to new bytes in one step.

    `storage_key` names the stored object, `byte_offset` and `byte_size` the document inside it:
    a fiche is a range of its class group's bundle. `component_ids` are the components whose
    outcomes it shows; it may be read only while each of them is released, and while the school's
    `facts_revision` is still the one it was made from. `version` counts the
    rebuilds of this document.
    """

    __tablename__ = "documents"
    __table_args__ = (
        CheckConstraint(f"kind in ({', '.join(repr(kind) for kind in KINDS)})", name="kind_known"),
        CheckConstraint("(kind = 'fiche') = (student_id is not null)", name="fiche_of_a_student"),
        CheckConstraint("byte_offset >= 0 and byte_size > 0", name="bytes_somewhere"),
        CheckConstraint("cardinality(component_ids) > 0", name="shows_components"),
        Index(
            "uq_documents_identity",
            "administration_id",
            "school_id",
            "kind",
            "class_group_id",
            "student_id",
            unique=True,
            postgresql_nulls_not_distinct=True,
        ),
        Index("ix_documents_student_id", "student_id"),
        Index("ix_documents_storage_key", "storage_key"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, server_default=text("gen_random_uuid()"))
    kind: Mapped[str] = mapped_column(String(16))
    administration_id: Mapped[str] = mapped_column(ForeignKey("administrations.id"))
    school_id: Mapped[str] = mapped_column(ForeignKey("schools.id"))
    class_group_id: Mapped[UUID | None] = mapped_column(ForeignKey("class_groups.id"))
    student_id: Mapped[UUID | None] = mapped_column(ForeignKey("students.id"))
    component_ids: Mapped[list[int]] = mapped_column(ARRAY(Integer))
    version: Mapped[int] = mapped_column(server_default=text("1"))
    file_name: Mapped[str] = mapped_column(String(255))
    media_type: Mapped[str] = mapped_column(String(100))
    storage_key: Mapped[str] = mapped_column(String(200))
    byte_offset: Mapped[int] = mapped_column(BigInteger)
    byte_size: Mapped[int] = mapped_column(BigInteger)
    sha256: Mapped[bytes] = mapped_column(LargeBinary)
    content_sha256: Mapped[bytes] = mapped_column(LargeBinary)
    template_version: Mapped[str] = mapped_column(String(32))
    facts_revision: Mapped[int] = mapped_column(server_default=text("1"))
    job_id: Mapped[UUID] = mapped_column(ForeignKey("jobs.id"))
    built_at: Mapped[datetime] = mapped_column(INSTANT, server_default=text("now()"))
