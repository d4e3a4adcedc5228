"""Dependencies of any operation: resources, unit of work, queue, links."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated

from fastapi import Depends, Request

from services.api.http.context import context_of
from services.api.http.links import Links
from services.api.http.threads import run_in_thread
from services.api.resources import Resources
from shared.core.unit_of_work import UnitOfWork
from shared.jobs.queue import WakeUpQueue


async def resources_of(request: Request) -> Resources:
    resources: Resources = request.app.state.resources
    return resources


ResourcesDep = Annotated[Resources, Depends(resources_of)]


@asynccontextmanager
async def release_slot_while_waiting(request: Request) -> AsyncIterator[None]:
    """Give the request's connection slot to others while it waits for its client."""
    slot = context_of(request).slot
    if slot is None:
        raise RuntimeError("the request has no connection slot: put `unit` in the signature")
    slot.release()
    yield
    await slot.acquire()


async def open_unit(request: Request, resources: ResourcesDep) -> AsyncIterator[UnitOfWork]:
    """Open the unit of work of a request; `CommittingRoute` commits it before the response is sent.

    It waits for a connection slot without a thread. A request that waited in a thread would keep
    that thread from a request with a connection: with enough requests, each would wait for another.
    A unit connects with its first statement, so that opening it needs no thread; ending it does,
    unless it is finished. One whose client has authenticated at the token endpoint is under way.

    Raises:
        Overloaded: when too many requests wait.
    """
    if context_of(request).authenticated_client is None:
        resources.connection_slots.require_room(operation_of(request))
    async with resources.connection_slots.take(operation_of(request)) as slot:
        context_of(request).slot = slot
        unit = UnitOfWork(resources.sessions)
        try:
            yield unit
        except BaseException as error:
            await run_in_thread(unit.__exit__, type(error), error, error.__traceback__)
            raise
        if unit.is_finished:
            unit.__exit__(None, None, None)
        else:
            await run_in_thread(unit.__exit__, None, None, None)


def operation_of(request: Request) -> str:
    """Return the method and the template of the path, by which connection slots are shared."""
    route = getattr(request.scope.get("route"), "path_format", "")
    return f"{request.method} {route}"


UnitDep = Annotated[UnitOfWork, Depends(open_unit, scope="function")]


async def queue_of(resources: ResourcesDep) -> WakeUpQueue:
    return resources.queue


QueueDep = Annotated[WakeUpQueue, Depends(queue_of)]


async def links_of(resources: ResourcesDep) -> Links:
    return Links(resources.public_url)


LinksDep = Annotated[Links, Depends(links_of)]
