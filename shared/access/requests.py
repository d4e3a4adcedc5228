"""An access request: the caller, the operation and resource it names, and its reach."""

from dataclasses import dataclass

from shared.access.rules import Caller, Reach


@dataclass(frozen=True, slots=True)
class AccessRequest:
    """A request for data of schools, as the four questions and the audit log see it.

    `action` is the operation id of the OpenAPI document, or the command of the command line.
    `resource` is a path that holds opaque ids only. `trace_id` identifies the response.
    """

    caller: Caller
    action: str
    resource: str
    trace_id: str | None
    reach: Reach
