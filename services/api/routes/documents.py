"""Operations on documents: what there is, and the bytes."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, Header, Path, Request, Response

from services.api.http.downloads import answer_with_content, content_headers
from services.api.operations.operation import operations, problems
from services.api.operations.parameters import DocumentPath, ShelfDep
from services.api.resources import Parts
from services.api.schemas.documents import Document, DocumentPage, DownloadGrant
from services.api.security.authentication import brake_stranger
from services.api.security.permissions import (
    DocumentsReader,
    LinksDep,
    PageDep,
    PartsDep,
    SessionDep,
)
from shared.access.products import Product
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
    "ETag": {"description": "SHA-256 of the bytes.", "schema": {"type": "string"}},
    "Content-Disposition": {"description": "The file's name.", "schema": {"type": "string"}},
    "Accept-Ranges": {"schema": {"type": "string"}},
}
_UNCHANGED: dict[int | str, dict[str, Any]] = {
    304: {"description": "The caller already has these bytes.", "headers": _HEADERS}
}


@router.get("/schools/{schoolId}/documents")
def list_school_documents(
    inquiry: DocumentsReader,
    session: SessionDep,
    shelf: ShelfDep,
    page: PageDep,
    links: LinksDep,
) -> DocumentPage:
    """The released documents of a school; empty while nothing is released."""
    total, rows = service.list_documents(session, inquiry, shelf, page.offset, page.size)
    return DocumentPage(items=[Document.of(row, links) for row in rows], **page.about(total))


@router.get("/documents/{documentId}")
def get_document(
    document_id: DocumentPath, inquiry: DocumentsReader, session: SessionDep, links: LinksDep
) -> Document:
    """What a document is, and where its bytes are."""
    return Document.of(service.read_document(session, inquiry, document_id), links)


@router.get(
    "/documents/{documentId}/content",
    response_class=Response,
    responses={
        200: {"description": "The whole document.", "content": _CONTENT, "headers": _HEADERS},
        206: {"description": "The range asked for.", "content": _CONTENT, "headers": _HEADERS},
        **_UNCHANGED,
        **problems(416),
    },
)
def get_document_content(
    document_id: DocumentPath,
    inquiry: DocumentsReader,
    session: SessionDep,
    parts: PartsDep,
    range_: Annotated[str | None, Header(alias="Range")] = None,
    if_range: Annotated[str | None, Header()] = None,
    if_none_match: Annotated[str | None, Header()] = None,
) -> Response:
    """The bytes of a document, or a single range of them; every download is decided anew."""
    document, _, _ = service.read_document(session, inquiry, document_id)
    return answer_with_content(
        document,
        parts.storage,
        lambda: _is_still_open(parts, inquiry, document_id, document.product),
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
    """A link for a browser that can send no token: good for one download within 60 seconds.

    What the caller may read is asked about again when the link is used.
    """
    grant = DownloadGrant.of(grants.lend_document(session, inquiry, document_id), links)
    response.headers["Location"] = grant.href
    return grant


@router.get(
    "/downloads/{secret}",
    dependencies=[Depends(brake_stranger)],
    response_class=Response,
    responses={200: {"description": "The document.", "content": _CONTENT, "headers": _HEADERS}},
)
def use_download_grant(
    request: Request,
    parts: PartsDep,
    session: SessionDep,
    secret: Annotated[str, Path(min_length=1, max_length=64, description="Out of a link.")],
) -> Response:
    """The bytes that a link was made for; the second time it is not there any more."""
    with transaction(parts.sessions) as looking:
        grant = grants.find_grant(looking, secret)
    act_for(session, grant.client, grant.caller_kind, grant.caller_organisation)
    inquiry, row = grants.use_grant(
        session, grant, request.scope["route"].operation_id, request.state.trace_id
    )
    return answer_with_content(
        row[0],
        parts.storage,
        lambda: _is_still_open(parts, inquiry, row[0].id, row[0].product),
    )


def _is_still_open(parts: Parts, inquiry: Inquiry, document_id: UUID, product: Product) -> bool:
    """Decides anew, in a transaction of its own; a refusal is put on the trail."""
    try:
        with transaction(parts.sessions) as session:
            actor = inquiry.actor
            act_for(session, actor.client, actor.kind, actor.organisation)
            renewed = renew_reach(session, inquiry, product)
            service.require_document(session, renewed, document_id)
    except ResourceNotFound:
        return False
    return True


@router.head(
    "/documents/{documentId}/content",
    response_class=Response,
    responses={200: {"description": "It is there.", "headers": _HEADERS}, **_UNCHANGED},
)
def head_document_content(
    document_id: DocumentPath, inquiry: DocumentsReader, session: SessionDep
) -> Response:
    """The headers of the bytes alone; counts as a read."""
    document, _, _ = service.read_document(session, inquiry, document_id)
    return Response(headers=content_headers(document) | {"Content-Length": str(document.byte_size)})
