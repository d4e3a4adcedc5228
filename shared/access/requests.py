"""The access request: the caller, the operation, the resource and the reach of a request."""

from dataclasses import dataclass, field
from uuid import UUID

from shared.access.rules import Caller, Reach


@dataclass(frozen=True, slots=True)
class AccessRequest:
    """A request for data of schools, for access decisions and the audit log.

    `action` is the operation id of the OpenAPI document, or the command of the command line.
    `resource` is a path with opaque ids only. `trace_id` identifies the response. `students_read`
    gets the students that the answer is about, when it is recorded.
    """

    caller: Caller
    action: str
    resource: str
    trace_id: str | None
    reach: Reach
    students_read: set[UUID] = field(default_factory=set, compare=False)
