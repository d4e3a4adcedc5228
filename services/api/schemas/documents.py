"""JSON of documents: their metadata."""

from typing import Annotated, Literal, Self, get_args
from uuid import UUID

from pydantic import Field

from services.api.http.links import Links
from services.api.schemas.model import Link, Page, ResponseDateTime, ResponseModel
from shared.documents.grants.service import IssuedGrant
from shared.documents.kinds import DocumentKind
from shared.documents.repository import DocumentRow

KindOfDocument = Literal[
    DocumentKind.FICHE,
    DocumentKind.OVERVIEW,
    DocumentKind.FICHE_BUNDLE,
    DocumentKind.FICHE_PRINT,
    DocumentKind.SCHOOL_FEEDBACK_REPORT,
    DocumentKind.SCHOOL_FEEDBACK_WORKBOOK,
]
"""Every document kind; unlike the enum, it is not a schema of its own in the OpenAPI document."""

if get_args(KindOfDocument) != tuple(DocumentKind):
    raise TypeError("the API does not list every document kind")


class Content(ResponseModel):
    """The content of a document: URL, type, size and hash."""

    href: Link
    media_type: Annotated[str, Field(examples=["application/pdf"])]
    size: Annotated[int, Field(ge=1, description="Size in bytes.")]
    sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$", description="SHA-256 of the bytes.")]
    file_name: Annotated[str, Field(examples=["fiche.pdf"])]


class Document(ResponseModel):
    """The metadata of the latest version of a document."""

    href: Link
    id: UUID
    kind: str
    administration_id: str
    school_id: str
    class_group: str | None = None
    student_id: UUID | None = None
    version: Annotated[int, Field(ge=1, description="Number of the version, from 1.")]
    built_at: ResponseDateTime
    replaced_at: Annotated[
        ResponseDateTime | None,
        Field(description="When this version replaced the one before; absent for the first."),
    ] = None
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
            replaced_at=document.built_at if document.version > 1 else None,
            template_version=document.template_version,
            content=Content(
                href=f"{href}/content",
                media_type=document.media_type,
                size=document.byte_size,
                sha256=document.sha256.hex(),
                file_name=document.file_name,
            ),
        )


class DownloadGrant(ResponseModel):
    """A URL for one download, without a token."""

    href: Annotated[Link, Field(description="The URL; it works once.")]
    expires_at: ResponseDateTime

    @classmethod
    def of(cls, grant: IssuedGrant, links: Links) -> Self:
        return cls(href=links.download(grant.secret), expires_at=grant.expires_at)


class DocumentPage(Page):
    items: list[Document]
