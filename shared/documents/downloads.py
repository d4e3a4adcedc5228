"""Downloads under way: whether they may go on, and the audit event of one that may not."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Text, Uuid, bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Session

from shared.access.decisions import Rule, act_for, deny, settings_parameters
from shared.access.requests import AccessRequest
from shared.access.rules import DOCUMENT_SCOPES, Scope
from shared.core.unit_of_work import UnitOfWork
from shared.documents.models import Document
from shared.documents.service import require_document
from shared.mandates.service import renew_reach
from shared.oauth import repository as tokens
from shared.oauth.tokens import AccessToken

_CAN_READ = text("""
select can_read_document(wanted.client, wanted.kind, wanted.school, wanted.document_id)
from unnest(:client, :kind, :school, :document_id) with ordinality
    wanted (client, kind, school, document_id, number)
order by wanted.number
""").bindparams(
    bindparam("client", type_=ARRAY(Text)),
    bindparam("kind", type_=ARRAY(Text)),
    bindparam("school", type_=ARRAY(Text)),
    bindparam("document_id", type_=ARRAY(Uuid)),
)


@dataclass(frozen=True, slots=True)
class Download:
    """A download that was allowed: its token, or that of its link, its request and document.

    `link` is the hash of the link's secret; None for a download with a token.
    """

    token: AccessToken
    access: AccessRequest
    document: Document
    link: bytes | None = None


def may_go_on(session: Session, downloads: Sequence[Download]) -> list[bool]:
    """Ask about token, client, scope, reach and gate again, for all downloads in two statements.

    The settings of the transaction are those of any of the callers afterwards.
    """
    scopes = tokens.current_scopes(session, [download.token for download in downloads])
    readable = _are_readable(session, downloads)
    return [
        not download.token.has_expired() and _scope_of(download) in left and is_readable
        for download, left, is_readable in zip(downloads, scopes, readable, strict=True)
    ]


def _scope_of(download: Download) -> Scope:
    return DOCUMENT_SCOPES[download.document.product]


def _are_readable(session: Session, downloads: Sequence[Download]) -> list[bool]:
    callers = [settings_parameters(download.access.caller) for download in downloads]
    values = {name: [caller[name] for caller in callers] for name in ("client", "kind", "school")}
    documents = [download.document.id for download in downloads]
    return [*session.scalars(_CAN_READ, values | {"document_id": documents})]


def record_end(unit: UnitOfWork, download: Download) -> None:
    """Record in the audit log the question that ended a download.

    Raises:
        ResourceNotFound: in every case but one: the download may go on after all.
    """
    access, document = download.access, download.document
    act_for(unit, access.caller)
    [scopes] = tokens.current_scopes(unit.session, [download.token])
    if download.token.has_expired() or _scope_of(download) not in scopes:
        deny(unit, access, document.school_id, Rule.SCOPE)
    require_document(unit, renew_reach(unit.session, access, document.product), document.id)
