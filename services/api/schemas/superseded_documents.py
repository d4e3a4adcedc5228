"""JSON of superseded documents: versions that a school downloaded, and that are not current."""

from typing import Annotated, Self
from uuid import UUID

from pydantic import Field

from services.api.http.links import Links
from services.api.schemas.model import Link, Page, ResponseDateTime, ResponseModel
from shared.documents.superseded.repository import SupersededRow


class CurrentDocument(ResponseModel):
    """The current version of the document."""

    href: Link
    version: Annotated[int, Field(ge=1)]


class SupersededDocument(ResponseModel):
    """A version of a document that was downloaded, and then replaced or withdrawn."""

    document_id: UUID
    version: Annotated[int, Field(ge=1, description="Number of the version, from 1.")]
    kind: str
    administration_id: str
    school_id: str
    class_group: str | None = None
    student_id: UUID | None = None
    sha256: Annotated[
        str, Field(pattern="^[0-9a-f]{64}$", description="SHA-256 of the bytes of the version.")
    ]
    reason: Annotated[
        str,
        Field(
            description="`corrected`: its content changed. `newTemplate`: only its form did. "
            "`withdrawn`: the document is no longer made. More may follow.",
            examples=["corrected"],
        ),
    ]
    superseded_at: Annotated[
        ResponseDateTime, Field(description="When it was replaced or withdrawn.")
    ]
    downloaded_at: Annotated[
        ResponseDateTime,
        Field(description="Its first download, for a fiche also in a bundle or print file."),
    ]
    current: Annotated[
        CurrentDocument | None, Field(description="Absent if the document was withdrawn.")
    ] = None

    @classmethod
    def of(cls, row: SupersededRow, links: Links) -> Self:
        former, class_group, downloaded_at, version = row
        href = links.document(former.document_id)
        return cls(
            document_id=former.document_id,
            version=former.version,
            kind=former.kind,
            administration_id=former.administration_id,
            school_id=former.school_id,
            class_group=class_group,
            student_id=former.student_id,
            sha256=former.sha256.hex(),
            reason=former.reason,
            superseded_at=former.superseded_at,
            downloaded_at=downloaded_at,
            current=None if version is None else CurrentDocument(href=href, version=version),
        )


class SupersededDocumentPage(Page):
    items: list[SupersededDocument]
