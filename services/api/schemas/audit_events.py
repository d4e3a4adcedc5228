"""JSON of the audit log."""

from typing import Annotated, Self

from pydantic import Field

from services.api.schemas.model import Page, ResponseDateTime, ResponseModel
from shared.audit.models import AuditEvent as AuditEventRow


class AuditEvent(ResponseModel):
    """One decision on access to data of the school."""

    position: Annotated[
        int, Field(ge=1, description="Number of the entry in the school's log, from 1.")
    ]
    occurred_at: ResponseDateTime
    client_id: str
    caller_kind: Annotated[
        str,
        Field(
            description="`school`, `integrator`, `operator` or `officer`; `service` for a delivery."
        ),
    ]
    caller_school_id: Annotated[
        str | None, Field(description="The school that the caller acted for.")
    ] = None
    caller_subject: Annotated[
        str | None,
        Field(
            description="The person on whose behalf the portal acted, as identified by "
            "the identity provider."
        ),
    ] = None
    action: Annotated[
        str,
        Field(
            description="The `operationId`; `bulkReads` for the alarm about many students read; "
            "`importDelivery` for a delivery that was applied or refused."
        ),
    ]
    resource: Annotated[
        str,
        Field(
            description="The path of the request. The name of a parameter replaces a value that is "
            "not an opaque id."
        ),
    ]
    outcome: Annotated[str, Field(description="`allowed` or `refused`.")]
    rule: Annotated[str, Field(description="The rule that decided.", examples=["granted", "reach"])]
    purpose: Annotated[
        str | None,
        Field(
            description="The purpose of the mandate. For `importDelivery`, the client that "
            "submitted the delivery and the kinds of rows that it wrote for this school."
        ),
    ] = None
    student_count: Annotated[
        int | None,
        Field(
            ge=0,
            description="The number of students that the answer was about, or that were requested; "
            "for `importDelivery` without those of results that are not released. Absent in "
            "entries from before it was recorded.",
        ),
    ] = None
    trace_id: Annotated[str | None, Field(description="The trace id of the response.")] = None
    hash: Annotated[
        str,
        Field(
            pattern="^[0-9a-f]{64}$",
            description="Covers this entry and all entries before it. Keep it to verify later "
            "that they are unchanged.",
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
            student_count=None if event.students is None else len(event.students),
            trace_id=event.trace_id,
            hash=event.hash.hex(),
        )


class AuditEventPage(Page):
    items: list[AuditEvent]
