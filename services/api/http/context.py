"""The state of one request, from the first middleware to the response."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from uuid import UUID

from starlette.requests import Request

from shared.access.requests import AccessRequest
from shared.oauth.service import VerifiedToken
from shared.oauth.tokens import AccessToken

if TYPE_CHECKING:
    from services.api.http.connection_slots import Slot  # imports this module


@dataclass(slots=True)
class RequestContext:
    """One per request; `response_headers` are added to the response, whatever it will be.

    `method` is that of the request, `HEAD` too where a route is used as for `GET`.
    `verified` is set before the body is read, `token` by authentication, `access` by
    authorization. `is_authenticated` is None until a credential has been examined: a token, a
    client assertion or the secret of a download link. `lacks_nonce` when a valid token came with
    a proof that only needs a newer nonce. `is_overloaded` when there was no capacity for the
    request, which says nothing about its client. `claimed_client` is the client that a request to
    the authorization server names, whether it authenticates or not, and `authenticated_client` one
    that did. `job_id` is the job that the request started, `slot` the connection slot that it has.
    """

    trace_id: str
    method: str
    response_headers: dict[str, str] = field(default_factory=dict)
    is_authenticated: bool | None = None
    lacks_nonce: bool = False
    is_overloaded: bool = False
    verified: VerifiedToken | None = None
    token: AccessToken | None = None
    access: AccessRequest | None = None
    has_claimed_client: bool = False
    claimed_client: UUID | None = None
    authenticated_client: UUID | None = None
    job_id: UUID | None = None
    slot: "Slot | None" = None

    @property
    def client(self) -> str | None:
        """The authenticated client, for the log."""
        if self.token is not None:
            return self.token.caller.client
        return None if self.authenticated_client is None else str(self.authenticated_client)

    def describe_limit(self, headers: Mapping[str, str]) -> None:
        """Set the headers of a rate limit in place of those of another one."""
        self.response_headers.pop("RateLimit", None)
        self.response_headers.update(headers)

    def require_token(self) -> AccessToken:
        if self.token is None:
            raise RuntimeError("the request is not authenticated: authorize it first")
        return self.token

    def require_access(self) -> AccessRequest:
        if self.access is None:
            raise RuntimeError("the request is not authorized: put `access` first in the signature")
        return self.access


def context_of(request: Request) -> RequestContext:
    context: RequestContext = request.state.context
    return context
