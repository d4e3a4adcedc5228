"""JSON of documents: what they are, not their bytes."""

from typing import Annotated, Literal, Self, get_args
from uuid import UUID

from pydantic import Field

from services.api.http.links import Links
from services.api.schemas.model import Answer, Instant, Link, Page
from shared.documents.grants.service import Lent
from shared.documents.kinds import DocumentKind
from shared.documents.repository import DocumentRow

KindOfDocument = Literal[
    DocumentKind.FICHE,
    DocumentKind.OVERVIEW,
    DocumentKind.FICHE_BUNDLE,
    DocumentKind.FICHE_PRINT,
]
"""Every document kind; unlike the enum itself, it is no schema of its own in OpenAPI."""

if get_args(KindOfDocument) != tuple(DocumentKind):
    raise TypeError("the API does not list every document kind")


class Content(Answer):
    """Where the bytes are, and what they are."""

    href: Link
    media_type: Annotated[str, Field(examples=["application/pdf"])]
    size: Annotated[int, Field(ge=1, description="In bytes.")]
    sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$", description="Of the bytes.")]
    file_name: Annotated[str, Field(examples=["fiche.pdf"])]


class Document(Answer):
    """A fiche, an overview, a bundle or a print file, as it was built last."""

    href: Link
    id: UUID
    kind: str
    administration_id: str
    school_id: str
    class_group: str | None = None
    student_id: UUID | None = None
    version: Annotated[int, Field(ge=1, description="Counts how often it was built.")]
    built_at: Instant
    template_version: str
    content: Content

    @classmethod
    def of(cls, row: DocumentRow, links: Links) -> Self:
        document, class_group, _ = row
        href = links.document(document.id)
        return cls(
            href=href,
            id=document.id,
            kind=document.kind,
            administration_id=document.administration_id,
            school_id=document.school_id,
            class_group=class_group,
            student_id=document.student_id,
            version=document.version,
            built_at=document.built_at,
            template_version=document.template_version,
            content=Content(
                href=f"{href}/content",
                media_type=document.media_type,
                size=document.byte_size,
                sha256=document.sha256.hex(),
                file_name=document.file_name,
            ),
        )


class DownloadGrant(Answer):
    """A link for one download, good for whoever holds it."""

    href: Annotated[Link, Field(description="Where the bytes are, once.")]
    expires_at: Instant

    @classmethod
    def of(cls, lent: Lent, links: Links) -> Self:
        return cls(href=links.download(lent.secret), expires_at=lent.expires_at)


class DocumentPage(Page):
    items: list[Document]
