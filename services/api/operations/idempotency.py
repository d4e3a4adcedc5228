"""The header `Idempotency-Key`: a request that creates something can safely be sent again.

As in draft-ietf-httpapi-idempotency-key-header. An operation takes it by asking for its caller with
one of the aliases at the end, or with `answer_once` where its body is not read in one piece.
"""

from collections.abc import Callable, Coroutine
from functools import partial
from hashlib import sha256
from typing import Annotated, Any

from fastapi import Depends, Header, Request
from sqlalchemy.orm import Session
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from services.api.security.permissions import Requires, SessionDep
from shared.access.rules import Scope
from shared.idempotency import service
from shared.idempotency.service import Answer, KeyedRequest, hash_of
from shared.schools.service import Inquiry

_CHARACTERS = r"[!#-\[\]-~]{1,128}"

IdempotencyKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        pattern=f'^("{_CHARACTERS}"|{_CHARACTERS})$',
        description="A value that the client generates for each new request. The same request, "
        "sent again with it within 24 hours, gets the same response. Only successes are stored.",
        examples=['"8e03978e-40d5-43e8-bc93-6894a57f9324"'],
    ),
]
"""As the draft writes it, or without the quotes that many leave out."""

Handler = Callable[[Request], Coroutine[Any, Any, Response]]


class AnsweredBefore(Exception):  # noqa: N818  # nothing is wrong
    """Ends a request that was answered before."""

    def __init__(self, answer: Answer) -> None:
        super().__init__()
        self.answer = answer


def answer_once(
    request: Request, session: Session, inquiry: Inquiry, key: str | None, body_sha256: bytes
) -> None:
    """To be called before the work begins, in its transaction: from there on it is done once.

    Raises:
        AnsweredBefore: when this request was answered before.
        Problem: 409 while one with the same key is under way, 422 when the key was another's.
    """
    if key is None:
        return
    actor = inquiry.actor
    keyed = KeyedRequest(
        hash_of(actor.kind, actor.client, actor.organisation, inquiry.action, key.strip('"')),
        hash_of(request.url.path, body_sha256.hex()),
    )
    earlier = service.recall(session, keyed)
    if earlier is not None:
        raise AnsweredBefore(earlier)
    request.state.keep_answer = partial(_keep, session, keyed)


def _keep(session: Session, keyed: KeyedRequest, response: Response) -> None:
    body = bytes(response.body).decode()
    answer = Answer(response.status_code, response.headers.get("location"), body)
    service.keep(session, keyed, answer)


def keeping_answers(handle: Handler) -> Handler:
    """Around the handler of a route, inside its transaction: that ends when this has returned."""

    async def answer(request: Request) -> Response:
        try:
            response = await handle(request)
        except AnsweredBefore as before:
            return _again(before.answer)
        keep = getattr(request.state, "keep_answer", None)
        if keep is not None:
            await run_in_threadpool(keep, response)
        return response

    return answer


def _again(answer: Answer) -> Response:
    headers = {} if answer.location is None else {"Location": answer.location}
    return Response(answer.body, answer.status, headers, media_type="application/json")


async def _body_sha256(request: Request) -> bytes:
    return sha256(await request.body()).digest()


def _once(requires: Requires) -> Callable[..., Inquiry]:
    """Decides who may ask first: who may not learns nothing of what others were answered."""

    def let_in_once(
        inquiry: Annotated[Inquiry, Depends(requires)],
        request: Request,
        session: SessionDep,
        body_sha256: Annotated[bytes, Depends(_body_sha256)],
        key: IdempotencyKey = None,
    ) -> Inquiry:
        answer_once(request, session, inquiry, key, body_sha256)
        return inquiry

    return let_in_once


JobsCreator = Annotated[Inquiry, Depends(_once(Requires(Scope.JOBS_WRITE)))]
WindowsCreator = Annotated[Inquiry, Depends(_once(Requires(Scope.RELEASES_WRITE)))]
MandatesCreator = Annotated[Inquiry, Depends(_once(Requires(Scope.MANDATES_WRITE)))]
ClientsCreator = Annotated[Inquiry, Depends(_once(Requires(Scope.CLIENTS_WRITE)))]
"""Who may create, by the scope of which a token needs one; the same request creates once."""
