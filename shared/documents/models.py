"""Table of documents: their metadata, their fingerprint and the segments of their bytes."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    String,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from shared.access.products import Product
from shared.core.database import INSTANT, Base
from shared.documents.kinds import DocumentKind
from shared.storage.store import Segment

_KINDS = ", ".join(repr(kind.value) for kind in DocumentKind)
_SCHOOL_FEEDBACK = ", ".join(
    repr(kind.value) for kind in DocumentKind if kind.product is Product.SCHOOL_FEEDBACK
)


class Document(Base):
    """A document of any kind; an update of the row replaces it atomically.

    Its bytes are the concatenation of one or more segments: `byte_sizes` bytes from `byte_offsets`
    of the objects `storage_keys`. A fiche is a segment of the object of its class group; the bundle
    of a school consists of segments of all these objects. `component_ids` are the components that
    it shows. It can be read only while each of them is released, and while its `facts_revision` is
    that of the school. `version` counts the contents of this document: a build that renders the
    same bytes leaves it and `built_at` as they are. A school has one document of school feedback of
    each kind and opening, which its `first_component_id` identifies.
    """

    __tablename__ = "documents"
    __table_args__ = (
        ForeignKeyConstraint(
            ["administration_id", "school_id"],
            ["participations.administration_id", "participations.school_id"],
        ),
        CheckConstraint(f"kind in ({_KINDS})", name="kind_known"),
        CheckConstraint("(kind = 'fiche') = (student_id is not null)", name="fiche_of_a_student"),
        CheckConstraint(
            f"(kind in ({_SCHOOL_FEEDBACK})) = (first_component_id is not null)",
            name="component_of_school_feedback",
        ),
        CheckConstraint(
            "0 <= all(byte_offsets) and 0 < all(byte_sizes) and cardinality(storage_keys) > 0"
            " and cardinality(storage_keys) = cardinality(byte_offsets)"
            " and cardinality(storage_keys) = cardinality(byte_sizes)",
            name="bytes_somewhere",
        ),
        CheckConstraint("cardinality(component_ids) > 0", name="shows_components"),
        Index(
            "uq_documents_identity",
            "administration_id",
            "school_id",
            "kind",
            "class_group_id",
            "student_id",
            "first_component_id",
            unique=True,
            postgresql_nulls_not_distinct=True,
        ),
        Index("ix_documents_student_id", "student_id"),
        Index("ix_documents_storage_keys", "storage_keys", postgresql_using="gin"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, server_default=text("gen_random_uuid()"))
    kind: Mapped[str] = mapped_column(String(32))
    administration_id: Mapped[str] = mapped_column(String(32))
    school_id: Mapped[str] = mapped_column(String(6))
    class_group_id: Mapped[UUID | None] = mapped_column(ForeignKey("class_groups.id"))
    student_id: Mapped[UUID | None] = mapped_column(ForeignKey("students.id"))
    first_component_id: Mapped[int | None] = mapped_column(ForeignKey("components.id"))
    component_ids: Mapped[list[int]] = mapped_column(ARRAY(Integer))
    version: Mapped[int] = mapped_column(server_default=text("1"))
    file_name: Mapped[str] = mapped_column(String(255))
    media_type: Mapped[str] = mapped_column(String(100))
    storage_keys: Mapped[list[str]] = mapped_column(ARRAY(String(200)))
    byte_offsets: Mapped[list[int]] = mapped_column(ARRAY(BigInteger))
    byte_sizes: Mapped[list[int]] = mapped_column(ARRAY(BigInteger))
    sha256: Mapped[bytes] = mapped_column(LargeBinary)
    content_sha256: Mapped[bytes] = mapped_column(LargeBinary)
    template_version: Mapped[str] = mapped_column(String(32))
    facts_revision: Mapped[int] = mapped_column(server_default=text("1"))
    job_id: Mapped[UUID] = mapped_column(ForeignKey("jobs.id"))
    built_at: Mapped[datetime] = mapped_column(INSTANT, server_default=text("now()"))

    @property
    def product(self) -> Product:
        """The product whose release windows and mandates decide about the document."""
        return DocumentKind(self.kind).product

    @property
    def segments(self) -> list[Segment]:
        columns = zip(self.storage_keys, self.byte_offsets, self.byte_sizes, strict=True)
        return [Segment(*values) for values in columns]

    @property
    def byte_size(self) -> int:
        return sum(self.byte_sizes)
