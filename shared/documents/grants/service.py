"""Use cases of download grants: a link for a browser that cannot send a header."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from secrets import token_urlsafe
from uuid import UUID

from sqlalchemy.orm import Session

from shared.access.decisions import About, Rule, deny
from shared.access.requests import AccessRequest
from shared.access.rules import DOCUMENT_SCOPES, GRANTABLE, Caller, CallerKind, reach_of_students
from shared.core.errors import ResourceNotFound
from shared.core.unit_of_work import UnitOfWork
from shared.documents.downloads import Download
from shared.documents.grants import repository
from shared.documents.grants.models import DownloadGrant
from shared.documents.models import Document
from shared.documents.repository import kind_of_document
from shared.documents.service import download_document, read_document
from shared.mandates.service import renew_reach
from shared.oauth.service import current_scopes
from shared.oauth.tokens import AccessToken

LIFETIME = timedelta(seconds=60)
"""An expired grant is kept this long, so that its use is recorded in the audit log as refused."""
SECRET_BYTES = 32
TIMES = 2
"""The requests of one link get at most this many times the bytes of its document: a download that
was interrupted near its end is granted again almost as a whole."""


@dataclass(frozen=True, slots=True)
class IssuedGrant:
    """The secret of the link, and its expiry; only a hash of the secret is stored."""

    secret: str
    expires_at: datetime


def issue_grant(
    unit: UnitOfWork, token: AccessToken, access: AccessRequest, document_id: UUID
) -> IssuedGrant:
    """Issue a grant for a document that the caller may read now; it ends with the token.

    Raises:
        ResourceNotFound: when the caller may not read it.
    """
    document = read_document(unit, access, document_id).document
    secret = token_urlsafe(SECRET_BYTES)
    caller = access.caller
    values = {
        "secret_sha256": _hash(secret),
        "document_id": document_id,
        "client": caller.client,
        "caller_kind": caller.kind.value,
        "caller_organisation": caller.school_id,
        "caller_subject": caller.subject,
        "school_id": document.school_id,
        "token_id": token.id,
        "token_issued_at": token.issued_at,
        "token_expires_at": token.expires_at,
        "client_key": token.client_key,
    }
    return IssuedGrant(secret, repository.add_grant(unit.session, LIFETIME, values))


def find_grant(session: Session, secret: str) -> DownloadGrant:
    """Return the grant, expired or not; raise ResourceNotFound when there is none."""
    grant = repository.find_grant(session, _hash(secret))
    if grant is None:
        raise ResourceNotFound
    return grant


def caller_of(grant: DownloadGrant) -> Caller:
    """Return the caller that issued the grant, with the scopes that read documents."""
    kind = CallerKind(grant.caller_kind)
    return Caller(
        grant.client,
        kind,
        GRANTABLE[kind] & {*DOCUMENT_SCOPES.values()},
        grant.caller_organisation,
        grant.caller_subject,
    )


def use_grant(
    unit: UnitOfWork,
    grant: DownloadGrant,
    action: str,
    trace_id: str | None,
    *,
    is_resumed: bool,
    bytes_of: Callable[[Document], int],
) -> Download:
    """Use the grant; return the download with the access request and token of its issuer.

    A request for a range resumes: it may follow another use, until the last byte was sent or the
    requests together would get each byte more than twice. `bytes_of` returns how many bytes of the
    document the request gets.

    Raises:
        ResourceNotFound: when it was used or has expired, and when its issuer may not read the
            document any more. The reason is in the audit log.
        DocumentsBeingRebuilt: while the document is being rebuilt; the grant can be used later.
    """
    caller = caller_of(grant)
    resource = f"/v1/documents/{grant.document_id}/content"
    access = AccessRequest(caller, action, resource, trace_id, reach_of_students(caller))
    about = About(document=grant.document_id)
    if not _take(unit.session, grant, is_resumed=is_resumed, bytes_of=bytes_of):
        rule = Rule.LINK_EXPIRED if grant.used_at is None else Rule.LINK_USED
        deny(unit, access, grant.school_id, rule, about)
    token = _token_of(grant, caller)
    product = kind_of_document(unit.session, grant.document_id).product
    if DOCUMENT_SCOPES[product] not in current_scopes(unit.session, token):
        deny(unit, access, grant.school_id, Rule.SCOPE, about)
    renewed = renew_reach(unit.session, access, product)
    document = download_document(unit, renewed, grant.document_id).document
    return Download(token, renewed, document, grant.secret_sha256)


def _take(
    session: Session, grant: DownloadGrant, *, is_resumed: bool, bytes_of: Callable[[Document], int]
) -> bool:
    """Use the grant for the bytes of one request; False if it has expired or was used up."""
    secret, document = grant.secret_sha256, session.get(Document, grant.document_id)
    if document is None:  # not readable any more, which is denied with its reason
        return repository.use_grant(session, secret, is_resumed=is_resumed)
    count, limit = bytes_of(document), TIMES * document.byte_size
    return repository.use_grant(session, secret, is_resumed=is_resumed, count=count, limit=limit)


def complete_grant(grant: DownloadGrant, unit: UnitOfWork) -> None:
    """End the link: the last byte of its document was sent."""
    repository.complete_grant(unit.session, grant.secret_sha256)


def _token_of(grant: DownloadGrant, caller: Caller) -> AccessToken:
    """Return the token that the grant was issued with, as far as a download needs it."""
    return AccessToken(
        caller,
        grant.token_id,
        grant.token_issued_at,
        grant.token_expires_at,
        thumbprint="",  # not stored: a link is used without a proof
        client_key=grant.client_key,
    )


def remove_old_grants(session: Session) -> int:
    return repository.remove_grants(session)


def _hash(secret: str) -> bytes:
    return sha256(secret.encode()).digest()
