"""Operations on reading guides: how to read a fiche, in a language of the family."""

from typing import Annotated, Any

from fastapi import Header, Path, Response

from services.api.dependencies import LinksDep, ResourcesDep, UnitDep
from services.api.http.byte_ranges import matches_entity_tag
from services.api.http.downloads import content_disposition
from services.api.http.stored_range import StoredRangeResponse
from services.api.operations.operation import operations
from services.api.operations.pagination import PageDep
from services.api.operations.problem_responses import problems
from services.api.operations.response_headers import headers
from services.api.schemas.reading_guides import PDF, ReadingGuide, ReadingGuidePage
from services.api.security.permissions import FichesReader
from shared.documents.reading_guides import service
from shared.storage.store import Segment

router = operations("documents")

LanguagePath = Annotated[
    str,
    Path(
        pattern="^[a-z]{2,3}$",
        description="The language, as `GET /v1/readingGuides` lists it.",
        examples=["fr"],
    ),
]
_RESPONSES: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The whole document.",
        "content": {PDF: {"schema": {"type": "string", "format": "binary"}}},
        "headers": headers("ETag", "Content-Disposition"),
    },
    304: {"description": "The content has not changed.", "headers": headers("ETag")},
    **problems("documentBeingRebuilt"),
}


@router.get("/readingGuides")
def list_reading_guides(
    _: FichesReader, unit: UnitDep, page: PageDep, links: LinksDep
) -> ReadingGuidePage:
    """List the languages in which there is a guide for families, with its metadata.

    Guides are the same for everyone and need no release.
    """
    found = service.list_guides(unit.session, page.selection)
    items = [ReadingGuide.of(row, links) for row in found.rows]
    return ReadingGuidePage(items=items, **page.metadata(found))


@router.get("/readingGuides/{language}", response_class=Response, responses=_RESPONSES)
def get_reading_guide(
    language: LanguagePath,
    _: FichesReader,
    unit: UnitDep,
    resources: ResourcesDep,
    if_none_match: Annotated[str | None, Header(alias="If-None-Match")] = None,
) -> Response:
    """Download the explanation of a fiche in a language: a PDF of one sheet.

    It shows no student and no level. Send `If-None-Match` to get it only when it has changed.
    """
    guide = service.read_guide(unit.session, language)
    entity_tag = f'"{guide.sha256.hex()}"'
    if if_none_match is not None and matches_entity_tag(if_none_match, entity_tag):
        return Response(status_code=304, headers={"ETag": entity_tag})
    return StoredRangeResponse(
        resources,
        Segment(guide.storage_key, guide.byte_offset, guide.byte_size),
        {
            "Content-Type": PDF,
            "ETag": entity_tag,
            "Content-Disposition": content_disposition(guide.file_name),
        },
    )
