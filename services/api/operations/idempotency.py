"""The header `Idempotency-Key`: a request that creates something can safely be sent again.

As in draft-ietf-httpapi-idempotency-key-header. An operation supports it by naming `IdempotencyDep`
in its signature, after its permission: a client without permission learns nothing of stored
responses. `CommittingRoute` stores the response in the transaction of the work. A response about
students is sent again only while they are within the reach of the caller, as a read of them.
"""

from dataclasses import dataclass
from hashlib import sha256
from typing import Annotated

from fastapi import Depends, Header, Request
from starlette.responses import Response

from services.api.dependencies import UnitDep
from services.api.http.context import context_of
from services.api.http.threads import run_in_thread
from shared.access.requests import AccessRequest
from shared.access.rules import CallerKind, own_school
from shared.core.unit_of_work import UnitOfWork
from shared.idempotency import service
from shared.idempotency.service import KeyedRequest, hash_of
from shared.students.service import read_students

IDEMPOTENCY_HEADER = "Idempotency-Key"
_CHARACTERS = r"[!#-\[\]-~]{1,128}"
_AFTER_AUDIT_EVENTS = "~"
"""An order of actions before the commit: after those of any school number."""

IdempotencyKey = Annotated[
    str | None,
    Header(
        alias=IDEMPOTENCY_HEADER,
        pattern=f'^("{_CHARACTERS}"|{_CHARACTERS})$',
        description="A value chosen by the client, new for each new request. The same request sent "
        "again with it within 24 hours gets the same response. Only successful responses are "
        "stored.",
        examples=['"8e03978e-40d5-43e8-bc93-6894a57f9324"'],
    ),
]
"""As the draft writes it, or without the quotes that many clients leave out."""


class ReplayedResponse(Exception):  # noqa: N818  # not an error: it ends the request early
    """The stored response to a request that was sent before."""

    def __init__(self, stored: service.Response) -> None:
        super().__init__()
        self.stored = stored

    def to_response(self) -> Response:
        location = self.stored.location
        headers = {} if location is None else {"Location": location}
        return Response(
            self.stored.body, self.stored.status, headers, media_type="application/json"
        )


@dataclass(frozen=True, slots=True)
class IdempotentRequest:
    """A request with an idempotency key, or one without (`keyed` is None)."""

    access: AccessRequest
    keyed: KeyedRequest | None

    @classmethod
    def of(
        cls, request: Request, access: AccessRequest, key: str | None, body: bytes
    ) -> "IdempotentRequest":
        """Hash caller, operation, key, path and the SHA-256 of the body."""
        if key is None:
            return cls(access, None)
        caller = access.caller
        key_hash = hash_of(
            caller.kind, caller.client, caller.school_id, access.action, key.strip('"')
        )
        return cls(access, KeyedRequest(key_hash, hash_of(request.url.path, body.hex())))

    def replay(self, unit: UnitOfWork) -> None:
        """Lock the key, and end the request when a response is stored.

        Raises:
            ReplayedResponse: when this request was sent before; its read is committed.
            AccessDenied: when it was, and its caller may not read the response any more.
            Conflict: while a request with the same key is being processed, or when the key was
                used for another request.
        """
        if self.keyed is not None:
            stored = service.find_response(unit.session, self.keyed)
            if stored is not None:
                self._read_again(unit, stored)
                unit.commit()
                raise ReplayedResponse(stored)

    def _read_again(self, unit: UnitOfWork, stored: service.Response) -> None:
        """Ask what a new request of the caller would be asked, and record the read."""
        if self.access.caller.kind is CallerKind.SCHOOL:
            own_school(self.access.caller, self.access.reach)
        if stored.students:
            read_students(unit, self.access, stored.students)

    def store(self, unit: UnitOfWork, response: Response) -> None:
        """Store the response with the unit's commit, once it is known which students it has."""
        keyed = self.keyed
        if keyed is None:
            return

        def add() -> None:
            stored = service.Response(
                response.status_code,
                response.headers.get("location"),
                bytes(response.body).decode(),
                tuple(self.access.students_read),
            )
            service.store_response(unit.session, keyed, stored)

        unit.before_commit(add, order=_AFTER_AUDIT_EVENTS)


async def idempotent_request(
    request: Request, unit: UnitDep, key: IdempotencyKey = None
) -> IdempotentRequest:
    access = context_of(request).require_access()
    body = sha256(await request.body()).digest()
    idempotent = IdempotentRequest.of(request, access, key, body)
    if idempotent.keyed is not None:
        await run_in_thread(idempotent.replay, unit)
    return idempotent


IdempotencyDep = Annotated[IdempotentRequest, Depends(idempotent_request)]
