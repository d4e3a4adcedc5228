"""Operations on documents: their metadata and their content."""

from typing import Annotated, Any

from fastapi import Header, Request, Response

from services.api.dependencies import LinksDep, ResourcesDep, UnitDep
from services.api.http.context import context_of
from services.api.http.downloads import content_response, head_response
from services.api.http.problem_types import Problem
from services.api.http.problems import problem_response
from services.api.operations.operation import operations
from services.api.operations.pagination import PageDep
from services.api.operations.parameters import DocumentFilterDep, DocumentPath
from services.api.operations.problem_responses import problems
from services.api.operations.response_headers import headers
from services.api.schemas.documents import Document, DocumentPage, DownloadGrant
from services.api.security.permissions import DocumentsReader
from shared.documents import service
from shared.documents.downloads import Download
from shared.documents.grants import service as grants

router = operations("documents")

_BYTES = {"schema": {"type": "string", "format": "binary"}}
_CONTENT = dict.fromkeys(
    (
        "application/pdf",
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        "application/zip",
    ),
    _BYTES,
)
_METADATA = headers("ETag", "Accept-Ranges")
_WHOLE = headers("ETag", "Accept-Ranges", "Content-Disposition")
_RANGE = headers("ETag", "Accept-Ranges", "Content-Disposition", "Content-Range")
BYTES: dict[int | str, dict[str, Any]] = {
    200: {"description": "The whole document.", "content": _CONTENT, "headers": _WHOLE},
    206: {"description": "The requested range.", "content": _CONTENT, "headers": _RANGE},
    **problems("rangeNotSatisfiable", "documentBeingRebuilt"),
}
_UNCHANGED: dict[int | str, dict[str, Any]] = {
    304: {"description": "The content has not changed.", "headers": _METADATA}
}


@router.get("/schools/{schoolId}/documents", responses=problems("documentBeingRebuilt"))
def list_school_documents(
    access: DocumentsReader,
    unit: UnitDep,
    wanted: DocumentFilterDep,
    page: PageDep,
    links: LinksDep,
) -> DocumentPage:
    """List the released documents of a school; empty while nothing is released.

    `documents:read` lists those of student feedback, `feedback:read` those of school feedback.
    """
    found = service.list_documents(unit, access, wanted, page.selection)
    items = [Document.of(row, links) for row in found.rows]
    return DocumentPage(items=items, **page.metadata(found))


@router.get("/documents/{documentId}", responses=problems("documentBeingRebuilt"))
def get_document(
    document_id: DocumentPath, access: DocumentsReader, unit: UnitDep, links: LinksDep
) -> Document:
    """Return the metadata of a document, with the link to its content.

    A document of school feedback needs `feedback:read`, any other `documents:read`.
    """
    return Document.of(service.read_document(unit, access, document_id), links)


@router.head(
    "/documents/{documentId}/content",
    response_class=Response,
    responses={
        200: {"description": "The document is available.", "headers": _METADATA},
        **_UNCHANGED,
        **problems("documentBeingRebuilt"),
    },
)
def head_document_content(
    document_id: DocumentPath,
    access: DocumentsReader,
    unit: UnitDep,
    if_none_match: Annotated[str | None, Header(alias="If-None-Match")] = None,
) -> Response:
    """Return the headers of the content alone; counts as a read."""
    document = service.read_document(unit, access, document_id).document
    return head_response(document, if_none_match)


@router.get(
    "/documents/{documentId}/content",
    response_class=Response,
    responses=BYTES | _UNCHANGED,
)
def get_document_content(
    document_id: DocumentPath,
    access: DocumentsReader,
    unit: UnitDep,
    request: Request,
    resources: ResourcesDep,
    range_: Annotated[str | None, Header(alias="Range")] = None,
    if_range: Annotated[str | None, Header(alias="If-Range")] = None,
    if_none_match: Annotated[str | None, Header(alias="If-None-Match")] = None,
) -> Response:
    """Download a document, or a single range of it; the release is checked at every download.

    The download ends with the access: also while it runs, and when the token expires. One that is
    received slower than 4 KiB/s ends too. Request the rest with `Range` and `If-Range`, and a new
    token. A caller with too many running downloads gets `tooManyRequests`.
    """
    resources.downloads.require_room(access.caller)
    document = service.download_document(unit, access, document_id).document
    try:
        return content_response(
            Download(context_of(request).require_token(), access, document),
            resources,
            range_header=range_,
            if_range=if_range,
            if_none_match=if_none_match,
        )
    except Problem as problem:  # a response, so that the read stays in the audit log
        return problem_response(problem, context_of(request).trace_id)


@router.post(
    "/documents/{documentId}/grants",
    status_code=201,
    responses={201: {"headers": headers("Location")}, **problems("documentBeingRebuilt")},
)
def create_download_grant(
    document_id: DocumentPath,
    access: DocumentsReader,
    unit: UnitDep,
    request: Request,
    links: LinksDep,
    response: Response,
) -> DownloadGrant:
    """Create a link for a browser that cannot send a token: one download within 60 seconds.

    The permissions of the caller are checked again when the link is used. The link and its download
    end with the token of this request: use a new token for a large document.
    """
    token = context_of(request).require_token()
    grant = DownloadGrant.of(grants.issue_grant(unit, token, access, document_id), links)
    response.headers["Location"] = grant.href
    return grant
