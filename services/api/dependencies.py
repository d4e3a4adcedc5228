"""What routes ask for in their signature: who calls, with which right, and what they work with."""

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Annotated

from fastapi import Depends, Query, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from sqlalchemy.orm import Session
from starlette.concurrency import run_in_threadpool

from services.api.links import Links, PageOf
from services.api.parts import Parts
from services.api.strictness import refuse_unknown_query
from shared.access.mandates.repository import mandated_schools
from shared.access.rules import (
    PRODUCT_READ,
    Caller,
    CallerKind,
    Reach,
    Scope,
    reach_of_schools,
    reach_of_students,
)
from shared.access.rules import require_scope as require_scope_of
from shared.audit.service import Actor, Decision, record
from shared.core.database import transaction
from shared.core.errors import MissingScope, NoAccessToken
from shared.jobs.queue import WakeUpQueue
from shared.schools.service import Inquiry

LONGEST_CLIENT = 128
"""Characters of a client's name that the trail keeps."""

DEFAULT_PAGE_SIZE = 50
LARGEST_PAGE_SIZE = 200
LAST_PAGE = 1_000_000

ACCESS_TOKEN = "accessToken"  # noqa: S105  # the name of a scheme in the OpenAPI document

_SCHOOL_ID = re.compile(r"[0-9]{6}")
_OPAQUE = re.compile(r"[0-9]{6}|[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_bearer = HTTPBearer(
    auto_error=False,
    scheme_name=ACCESS_TOKEN,
    bearerFormat="at+jwt",
    description="An access token; each operation names the scopes of which it needs one.",
)


async def parts_of(request: Request) -> Parts:
    parts: Parts = request.app.state.parts
    return parts


PartsDep = Annotated[Parts, Depends(parts_of)]


def open_session(parts: PartsDep) -> Iterator[Session]:
    """One transaction a request; it is committed before the response goes out."""
    with transaction(parts.sessions) as session:
        yield session


SessionDep = Annotated[Session, Depends(open_session, scope="function")]


async def queue_of(parts: PartsDep) -> WakeUpQueue:
    return parts.queue


QueueDep = Annotated[WakeUpQueue, Depends(queue_of)]


async def authenticate(
    request: Request,
    parts: PartsDep,
    credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)],
) -> Caller:
    """The caller whom the token speaks for.

    Raises:
        NoAccessToken: without a bearer token.
        InvalidAccessToken: with one that is not ours, or not valid any more.
    """
    if credentials is None:
        raise NoAccessToken
    caller = parts.authority.verify(credentials.credentials)
    request.state.client = caller.client
    return caller


CallerDep = Annotated[Caller, Depends(authenticate)]


class Requires:
    """Lets a caller in that holds one of the scopes; a refusal is put on the trail.

    It comes before the request's parameters are looked at: who may not ask learns nothing of them.
    """

    def __init__(self, *scopes: Scope) -> None:
        self.required_scopes = frozenset(scopes)
        self._product = next(
            (PRODUCT_READ[scope] for scope in scopes if scope in PRODUCT_READ), None
        )

    async def __call__(self, request: Request, caller: CallerDep, session: SessionDep) -> Inquiry:
        actor = Actor(
            client=caller.client[:LONGEST_CLIENT],
            kind=caller.kind.value,
            organisation=caller.school_id,
            trace_id=request.state.trace_id,
        )
        asked = Inquiry(actor, request.scope["route"].operation_id, _resource(request), frozenset())
        try:
            require_scope_of(caller, self.required_scopes)
        except MissingScope:
            await run_in_threadpool(_record_scope_refusal, session, asked, request)
            raise
        refuse_unknown_query(request)
        reach = await self._reach(request, caller, session)
        return replace(asked, schools=reach.schools)

    async def _reach(self, request: Request, caller: Caller, session: Session) -> Reach:
        """Looked up for every request: a mandate that was revoked opens nothing any more."""
        is_about_schools = Scope.SCHOOLS_READ in self.required_scopes
        mandated: frozenset[str] = frozenset()
        if caller.kind is CallerKind.INTEGRATOR and (is_about_schools or self._product):
            mandated = await run_in_threadpool(
                mandated_schools, session, caller.client, self._product, _school_asked(request)
            )
        if is_about_schools:
            return reach_of_schools(caller, mandated)
        return reach_of_students(caller, mandated)


def _record_scope_refusal(session: Session, inquiry: Inquiry, request: Request) -> None:
    decision = Decision(
        inquiry.action, inquiry.resource, _school_asked(request), "refused", "scope"
    )
    record(session, inquiry.actor, decision)


def _school_asked(request: Request) -> str | None:
    """The school that the path names, if it has the form of one."""
    asked = str(request.path_params.get("schoolId", ""))
    return asked if _SCHOOL_ID.fullmatch(asked) else None


def _resource(request: Request) -> str:
    """The request's path; what is no opaque id in it stays the name of the parameter."""
    path: str = request.scope["route"].path_format
    for name, value in request.path_params.items():
        if _OPAQUE.fullmatch(str(value)):
            path = path.replace(f"{{{name}}}", str(value))
    return path


SchoolsReader = Annotated[Inquiry, Depends(Requires(Scope.SCHOOLS_READ))]
StudentsReader = Annotated[Inquiry, Depends(Requires(Scope.STUDENTS_READ))]
ResultsReader = Annotated[Inquiry, Depends(Requires(Scope.RESULTS_READ))]
DocumentsReader = Annotated[Inquiry, Depends(Requires(Scope.DOCUMENTS_READ))]
DeliveriesWriter = Annotated[Inquiry, Depends(Requires(Scope.DELIVERIES_WRITE))]
DeliveriesReader = Annotated[Inquiry, Depends(Requires(Scope.DELIVERIES_WRITE, Scope.JOBS_READ))]
JobsReader = Annotated[Inquiry, Depends(Requires(Scope.JOBS_READ))]
JobsWriter = Annotated[Inquiry, Depends(Requires(Scope.JOBS_WRITE))]
ReleasesReader = Annotated[Inquiry, Depends(Requires(Scope.RELEASES_READ))]
ReleasesWriter = Annotated[Inquiry, Depends(Requires(Scope.RELEASES_WRITE))]
MandatesReader = Annotated[Inquiry, Depends(Requires(Scope.MANDATES_READ))]
MandatesWriter = Annotated[Inquiry, Depends(Requires(Scope.MANDATES_WRITE))]
"""Who may call, by the scope of which a token needs one."""


async def links_of(request: Request) -> Links:
    return Links(str(request.base_url).rstrip("/"))


LinksDep = Annotated[Links, Depends(links_of)]


async def page_of(
    request: Request,
    page: Annotated[int, Query(ge=1, le=LAST_PAGE, description="Number of the page, from 1.")] = 1,
    page_size: Annotated[
        int,
        Query(alias="pageSize", ge=1, le=LARGEST_PAGE_SIZE, description="Most items on one page."),
    ] = DEFAULT_PAGE_SIZE,
) -> PageOf:
    return PageOf(page, page_size, request.url)


PageDep = Annotated[PageOf, Depends(page_of)]
