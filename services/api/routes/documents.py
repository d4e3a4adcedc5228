"""Operations on documents: metadata and content."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, Header, Path, Request, Response

from services.api.http.downloads import content_headers, content_response
from services.api.operations.operation import operations, problems
from services.api.operations.parameters import DocumentPath, ShelfDep
from services.api.resources import Resources
from services.api.schemas.documents import Document, DocumentPage, DownloadGrant
from services.api.security.authentication import rate_limit_unauthenticated
from services.api.security.permissions import (
    DocumentsReader,
    LinksDep,
    PageDep,
    ResourcesDep,
    SessionDep,
)
from shared.access.products import STUDENT_FEEDBACK
from shared.core.database import act_for, transaction
from shared.core.errors import ResourceNotFound
from shared.documents import service
from shared.documents.grants import service as grants
from shared.mandates.service import renew_reach
from shared.schools.service import Inquiry

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
_HEADERS = {
    "ETag": {"description": "SHA-256 of the bytes, quoted.", "schema": {"type": "string"}},
    "Content-Disposition": {"description": "The file's name.", "schema": {"type": "string"}},
    "Accept-Ranges": {"schema": {"type": "string"}},
}
_UNCHANGED: dict[int | str, dict[str, Any]] = {
    304: {"description": "The content has not changed.", "headers": _HEADERS}
}


@router.get("/schools/{schoolId}/documents")
def list_school_documents(
    inquiry: DocumentsReader,
    session: SessionDep,
    shelf: ShelfDep,
    page: PageDep,
    links: LinksDep,
) -> DocumentPage:
    """List the released documents of a school; empty while nothing is released."""
    total, rows = service.list_documents(session, inquiry, shelf, page.offset, page.size)
    return DocumentPage(items=[Document.of(row, links) for row in rows], **page.metadata(total))


@router.get("/documents/{documentId}")
def get_document(
    document_id: DocumentPath, inquiry: DocumentsReader, session: SessionDep, links: LinksDep
) -> Document:
    """Get the metadata of a document."""
    return Document.of(service.read_document(session, inquiry, document_id), links)


@router.get(
    "/documents/{documentId}/content",
    response_class=Response,
    responses={
        200: {"description": "The complete document.", "content": _CONTENT, "headers": _HEADERS},
        206: {"description": "The requested range.", "content": _CONTENT, "headers": _HEADERS},
        **_UNCHANGED,
        **problems(416),
    },
)
def get_document_content(
    document_id: DocumentPath,
    inquiry: DocumentsReader,
    session: SessionDep,
    resources: ResourcesDep,
    range_: Annotated[str | None, Header(alias="Range")] = None,
    if_range: Annotated[str | None, Header()] = None,
    if_none_match: Annotated[str | None, Header()] = None,
) -> Response:
    """Download a document, or a single range of it; access is checked on every download."""
    document, _, _ = service.read_document(session, inquiry, document_id)
    return content_response(
        document,
        resources.storage,
        lambda: _is_still_open(resources, inquiry, document_id),
        range_header=range_,
        if_range=if_range,
        if_none_match=if_none_match,
    )


@router.post(
    "/documents/{documentId}/grants",
    status_code=201,
    responses={201: {"headers": {"Location": {"schema": {"type": "string", "format": "uri"}}}}},
)
def create_download_grant(
    document_id: DocumentPath,
    inquiry: DocumentsReader,
    session: SessionDep,
    links: LinksDep,
    response: Response,
) -> DownloadGrant:
    """Create a URL for one download within 60 seconds, for a browser without a token.

    The access of the caller is checked again when the URL is used.
    """
    grant = DownloadGrant.of(grants.lend_document(session, inquiry, document_id), links)
    response.headers["Location"] = grant.href
    return grant


@router.get(
    "/downloads/{secret}",
    dependencies=[Depends(rate_limit_unauthenticated)],
    response_class=Response,
    responses={200: {"description": "The document.", "content": _CONTENT, "headers": _HEADERS}},
)
def use_download_grant(
    request: Request,
    resources: ResourcesDep,
    session: SessionDep,
    secret: Annotated[str, Path(min_length=1, max_length=64, description="The secret of the URL.")],
) -> Response:
    """Download the document of a download grant; it works once."""
    with transaction(resources.sessions) as looking:
        grant = grants.find_grant(looking, secret)
    act_for(session, grant.client, grant.caller_kind, grant.caller_organisation)
    inquiry, row = grants.use_grant(
        session, grant, request.scope["route"].operation_id, request.state.trace_id
    )
    return content_response(
        row[0], resources.storage, lambda: _is_still_open(resources, inquiry, row[0].id)
    )


def _is_still_open(resources: Resources, inquiry: Inquiry, document_id: UUID) -> bool:
    """Check access again, in a separate transaction; a denial is recorded in the audit log."""
    try:
        with transaction(resources.sessions) as session:
            actor = inquiry.actor
            act_for(session, actor.client, actor.kind, actor.organisation)
            renewed = renew_reach(session, inquiry, STUDENT_FEEDBACK)
            service.require_document(session, renewed, document_id)
    except ResourceNotFound:
        return False
    return True


@router.head(
    "/documents/{documentId}/content",
    response_class=Response,
    responses={
        200: {"description": "The headers of the document.", "headers": _HEADERS},
        **_UNCHANGED,
    },
)
def head_document_content(
    document_id: DocumentPath, inquiry: DocumentsReader, session: SessionDep
) -> Response:
    """Get the headers of a download; recorded in the audit log as a read."""
    document, _, _ = service.read_document(session, inquiry, document_id)
    return Response(headers=content_headers(document) | {"Content-Length": str(document.byte_size)})
