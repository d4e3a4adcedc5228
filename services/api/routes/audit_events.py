"""Operations on the audit log of a school."""

from typing import Annotated

from fastapi import Query

from services.api.dependencies import UnitDep
from services.api.operations.operation import operations
from services.api.operations.pagination import PageDep
from services.api.schemas.audit_events import AuditEvent, AuditEventPage
from services.api.schemas.model import RequestDateTime, RequestUuid
from services.api.security.permissions import AuditReader
from shared.access.rules import own_school
from shared.audit.repository import AuditFilter
from shared.audit.service import list_events
from shared.documents.service import mention_of_document, mention_of_student

router = operations("auditEvents")

_STUDENT = "Events about this student, including lists and documents that contained the student."
_DOCUMENT = "Events about this document; for a fiche, also documents that contained its student."


@router.get("/auditEvents")
def list_audit_events(
    access: AuditReader,
    unit: UnitDep,
    page: PageDep,
    student_id: Annotated[
        RequestUuid | None, Query(alias="studentId", description=_STUDENT)
    ] = None,
    document_id: Annotated[
        RequestUuid | None, Query(alias="documentId", description=_DOCUMENT)
    ] = None,
    since: Annotated[
        RequestDateTime | None,
        Query(alias="from", description="Only events at or after this moment."),
    ] = None,
    until: Annotated[
        RequestDateTime | None, Query(description="Only events before this moment.")
    ] = None,
) -> AuditEventPage:
    """List the audit log of the caller's own school, newest first; events are not counted."""
    school_id = own_school(access.caller, access.reach)
    mentions = []
    if student_id is not None:
        mentions.append(mention_of_student(unit.session, school_id, student_id))
    if document_id is not None:
        mentions.append(mention_of_document(unit.session, school_id, document_id))
    wanted = AuditFilter(school_id, mentions, since, until)
    found = list_events(unit.session, wanted, page.selection)
    items = [AuditEvent.of(event) for event in found.rows]
    return AuditEventPage(items=items, **page.metadata(found))
