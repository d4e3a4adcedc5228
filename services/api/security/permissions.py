"""What routes ask for in their signature: who calls, with which right, and what they work with."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated

import structlog
from anyio import CancelScope
from fastapi import Depends, Query, Request
from pydantic import BeforeValidator
from sqlalchemy.orm import Session

from services.api.http.links import Links, PageRequest
from services.api.http.threads import run_in_thread
from services.api.operations.known_parameters import refuse_unknown_query
from services.api.resources import Resources
from services.api.security.authentication import apply_rate_limit, authenticate
from shared.access.rules import (
    PRODUCT_READ,
    Caller,
    CallerKind,
    Scope,
    reach_of_schools,
    reach_of_students,
)
from shared.access.rules import require_scope as require_scope_of
from shared.audit.service import Actor, Decision, record
from shared.core.database import has_ended, in_any_case, transaction
from shared.core.errors import MissingScope
from shared.jobs.queue import WakeUpQueue
from shared.mandates.repository import mandated_schools
from shared.schools.service import Inquiry

logger = structlog.get_logger(__name__)


def _digits_only(value: object) -> object:
    if isinstance(value, str) and not (value.isascii() and value.isdecimal()):
        raise ValueError("Must be a whole number.")
    return value


NonNegativeInt = Annotated[int, BeforeValidator(_digits_only)]
"""A number written with digits alone, of the many forms that would be understood as one."""

DEFAULT_PAGE_SIZE = 50
LARGEST_PAGE_SIZE = 200
LAST_PAGE = 1_000_000

_SCHOOL_ID = re.compile(r"[0-9]{6}")
_OPAQUE = re.compile(r"[0-9]{6}|[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


async def resources_of(request: Request) -> Resources:
    resources: Resources = request.app.state.resources
    return resources


ResourcesDep = Annotated[Resources, Depends(resources_of)]


@asynccontextmanager
async def release_slot_while_waiting(resources: Resources) -> AsyncIterator[None]:
    """Lets others have the request's turn while it waits for its caller, without a connection.

    The turn is taken again whatever happens, since it is given back once more at the end.
    """
    resources.connection_slots.release()
    try:
        yield
    finally:
        with CancelScope(shield=True):
            await resources.connection_slots.acquire()


async def open_session(request: Request) -> AsyncIterator[Session]:
    """One transaction a request; it is committed before the response goes out.

    Waits without a thread until a connection is free for the request. Who waited for one in a
    thread would keep that from a request which has a connection, and needs a thread to be done with
    it: with enough callers at once, all would wait for each other.

    To begin takes no connection yet and so no thread; to end does, if the route has not done so
    itself.
    """
    resources: Resources = request.app.state.resources
    async with resources.connection_slots:
        unit = transaction(resources.sessions)
        session = unit.__enter__()
        try:
            yield session
        except BaseException as error:
            await run_in_thread(unit.__exit__, type(error), error, error.__traceback__)
            raise
        if has_ended(session):
            unit.__exit__(None, None, None)
        else:
            await run_in_thread(unit.__exit__, None, None, None)


SessionDep = Annotated[Session, Depends(open_session, scope="function")]


async def queue_of(resources: ResourcesDep) -> WakeUpQueue:
    return resources.queue


QueueDep = Annotated[WakeUpQueue, Depends(queue_of)]


class Requires:
    """Lets a caller in that holds one of the scopes; a refusal is put on the trail.

    It comes before the request's parameters are looked at: who may not ask learns nothing of them.
    """

    def __init__(self, *scopes: Scope) -> None:
        self.required_scopes = frozenset(scopes)
        self._product = next(
            (PRODUCT_READ[scope] for scope in scopes if scope in PRODUCT_READ), None
        )
        self._is_about_schools = Scope.SCHOOLS_READ in scopes
        self._reach_of = reach_of_schools if self._is_about_schools else reach_of_students

    async def __call__(self, request: Request, session: SessionDep) -> Inquiry:
        return await run_in_thread(self.let_in, request, session)

    def let_in(self, request: Request, session: Session) -> Inquiry:
        """Who asks, and for what, if they may; to be called in a thread."""
        caller = authenticate(request, session)
        actor = Actor(
            client=caller.client,
            kind=caller.kind.value,
            organisation=caller.school_id,
            trace_id=request.state.trace_id,
            subject=caller.subject,
        )
        resources: Resources = request.app.state.resources
        status = resources.rate_limiter.check(caller, reads=self._reads(caller))
        apply_rate_limit(request, status)
        if status.is_unusual:
            _raise_alarm(session, request, actor)
        asked = request.scope["route"].operation_id, _resource(request)
        try:
            require_scope_of(caller, self.required_scopes)
        except MissingScope:
            record(session, actor, Decision(*asked, _school_asked(request), "refused", "scope"))
            raise
        refuse_unknown_query(request)
        purposes: dict[str, str] = {}
        if caller.kind is CallerKind.INTEGRATOR and (self._is_about_schools or self._product):
            school_id = _school_asked(request)
            purposes = mandated_schools(session, caller.client, self._product, school_id)
        reach = self._reach_of(caller, frozenset(purposes))
        return Inquiry(actor, *asked, reach.schools, purposes)

    def _reads(self, caller: Caller) -> bool:
        """Whether the caller may read data about students here."""
        return self._product is not None and not self.required_scopes.isdisjoint(caller.scopes)


def _raise_alarm(session: Session, request: Request, actor: Actor) -> None:
    """For people to look at; it stops nothing, and stays whatever becomes of the request."""
    request.app.state.metrics.bulk_reads.labels(actor.kind).inc()
    logger.warning("bulk_reads", client=actor.client, organisation=actor.organisation)
    alarm = Decision("bulkReads", "/v1", actor.organisation, "allowed", "alarm")
    record(session, actor, alarm)
    in_any_case(session, lambda again: record(again, actor, alarm))


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
AuditReader = Annotated[Inquiry, Depends(Requires(Scope.AUDIT_READ))]
MandatesWriter = Annotated[Inquiry, Depends(Requires(Scope.MANDATES_WRITE))]
ClientsWriter = Annotated[Inquiry, Depends(Requires(Scope.CLIENTS_WRITE))]
"""Who may call, by the scope of which a token needs one."""


async def links_of(request: Request) -> Links:
    return Links(str(request.base_url).rstrip("/"))


LinksDep = Annotated[Links, Depends(links_of)]


async def page_of(
    request: Request,
    page: Annotated[
        NonNegativeInt, Query(ge=1, le=LAST_PAGE, description="Page number, from 1.")
    ] = 1,
    page_size: Annotated[
        NonNegativeInt,
        Query(
            alias="pageSize",
            ge=1,
            le=LARGEST_PAGE_SIZE,
            description="Maximum number of items on a page.",
        ),
    ] = DEFAULT_PAGE_SIZE,
) -> PageRequest:
    return PageRequest(page, page_size, request.url)


PageDep = Annotated[PageRequest, Depends(page_of)]
