"""JSON of the trail."""

from typing import Annotated, Self

from pydantic import Field

from services.api.schemas.model import Page, ResponseDateTime, ResponseModel
from shared.audit.models import AuditEvent as AuditEventRow


class AuditEvent(ResponseModel):
    """One decision on data of the school: who asked for what, and what the answer was."""

    position: Annotated[int, Field(ge=1, description="Counts the entries of the school, from 1.")]
    occurred_at: ResponseDateTime
    client_id: str
    caller_kind: Annotated[str, Field(description="`school`, `integrator` or `operator`.")]
    caller_school_id: Annotated[
        str | None, Field(description="The school that the caller acted for.")
    ] = None
    caller_subject: Annotated[
        str | None,
        Field(
            description="The person for whom a portal asked, as the provider of "
            "people's tokens names them."
        ),
    ] = None
    action: Annotated[str, Field(description="The operation, as this document names it.")]
    resource: Annotated[str, Field(description="The path that was asked for.")]
    outcome: Annotated[str, Field(description="`allowed` or `refused`.")]
    rule: Annotated[str, Field(description="What decided it.", examples=["granted", "reach"])]
    purpose: Annotated[str | None, Field(description="What the mandate was given for.")] = None
    trace_id: Annotated[str | None, Field(description="That of the answer.")] = None
    hash: Annotated[
        str,
        Field(
            pattern="^[0-9a-f]{64}$",
            description="Of this entry and all before it; who keeps it can tell later whether "
            "they are unchanged.",
        ),
    ]

    @classmethod
    def of(cls, event: AuditEventRow) -> Self:
        return cls(
            position=event.position,
            occurred_at=event.occurred_at,
            client_id=event.client,
            caller_kind=event.caller_kind,
            caller_school_id=event.caller_organisation,
            caller_subject=event.caller_subject,
            action=event.action,
            resource=event.resource,
            outcome=event.outcome,
            rule=event.rule,
            purpose=event.purpose,
            trace_id=event.trace_id,
            hash=event.hash.hex(),
        )


class AuditEventPage(Page):
    items: list[AuditEvent]
