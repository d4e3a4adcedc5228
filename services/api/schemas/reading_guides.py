"""JSON of reading guides."""

from typing import Annotated, Self

from pydantic import Field

from services.api.http.links import Links
from services.api.schemas.documents import Content
from services.api.schemas.model import Link, Page, ResponseDateTime, ResponseModel
from shared.documents.reading_guides.models import ReadingGuide as ReadingGuideRow

PDF = "application/pdf"


class ReadingGuide(ResponseModel):
    """The explanation of a fiche in one language, which is the same for everyone."""

    href: Annotated[Link, Field(description="The URL of the PDF.")]
    language: Annotated[str, Field(description="A BCP 47 tag.", examples=["fr"])]
    name: Annotated[str, Field(description="The language in itself.", examples=["Français"])]
    built_at: ResponseDateTime
    template_version: str
    content: Content

    @classmethod
    def of(cls, row: ReadingGuideRow, links: Links) -> Self:
        href = links.reading_guide(row.language)
        return cls(
            href=href,
            language=row.language,
            name=row.name,
            built_at=row.built_at,
            template_version=row.template_version,
            content=Content(
                href=href,
                media_type=PDF,
                size=row.byte_size,
                sha256=row.sha256.hex(),
                file_name=row.file_name,
            ),
        )


class ReadingGuidePage(Page):
    items: list[ReadingGuide]
