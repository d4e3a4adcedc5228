"""Use cases of download grants: a link for a browser that cannot send a header."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from secrets import token_urlsafe
from uuid import UUID

from sqlalchemy.orm import Session

from shared.access.rules import Scope
from shared.audit.service import Actor
from shared.core.errors import ResourceNotFound
from shared.documents.grants import repository
from shared.documents.grants.models import DownloadGrant
from shared.documents.repository import DocumentRow, kind_of_document
from shared.documents.service import read_document
from shared.mandates.service import renew_reach
from shared.oauth.clients.service import may_use
from shared.schools.service import Inquiry, refuse

LIFETIME = timedelta(seconds=60)
REMEMBERED = timedelta(days=1)
"""So long after its end the use of a grant is still told apart from one that never was."""
SECRET_BYTES = 32


@dataclass(frozen=True, slots=True)
class Lent:
    """The secret that the link is made of, and when it ends; the secret is kept nowhere."""

    secret: str
    expires_at: datetime


def lend_document(session: Session, inquiry: Inquiry, document_id: UUID) -> Lent:
    """A grant for the document, if the caller may read it now.

    Raises:
        ResourceNotFound: when it may not.
    """
    document, _, _ = read_document(session, inquiry, document_id)
    secret = token_urlsafe(SECRET_BYTES)
    actor = inquiry.actor
    values = {
        "secret_sha256": _hash(secret),
        "document_id": document_id,
        "client": actor.client,
        "caller_kind": actor.kind,
        "caller_organisation": actor.organisation,
        "caller_subject": actor.subject,
        "school_id": document.school_id,
    }
    return Lent(secret, repository.add_grant(session, LIFETIME, values))


def find_grant(session: Session, secret: str) -> DownloadGrant:
    """The grant, of whatever age; raises ResourceNotFound when there is none."""
    grant = repository.find_grant(session, _hash(secret))
    if grant is None:
        raise ResourceNotFound
    return grant


def use_grant(
    session: Session, grant: DownloadGrant, action: str, trace_id: str | None
) -> tuple[Inquiry, DocumentRow]:
    """The document of a grant, with whoever lent it as the one who asks; uses the grant up.

    Raises:
        ResourceNotFound: when it was used or has ended, and when who lent it may not read the
            document any more. The trail knows which.
    """
    organisation = grant.caller_organisation
    inquiry = Inquiry(
        Actor(grant.client, grant.caller_kind, organisation, trace_id, grant.caller_subject),
        action,
        f"/v1/documents/{grant.document_id}/content",
        frozenset({organisation} if organisation else ()),
    )
    if not repository.use_grant(session, grant.secret_sha256):
        refuse(session, inquiry, grant.school_id, "grant")
    if not may_use(session, grant.client, Scope.DOCUMENTS_READ):
        refuse(session, inquiry, grant.school_id, "scope")
    kind = kind_of_document(session, grant.document_id)
    renewed = renew_reach(session, inquiry, kind.product)
    return renewed, read_document(session, renewed, grant.document_id)


def remove_old_grants(session: Session) -> int:
    return repository.remove_grants(session, REMEMBERED)


def _hash(secret: str) -> bytes:
    return sha256(secret.encode()).digest()
