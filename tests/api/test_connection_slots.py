"""The order in which requests get connection slots, and when others are refused."""

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest

from services.api.http import connection_slots
from services.api.http.connection_slots import (
    MAX_QUEUED,
    MAX_RETRY_SECONDS,
    MIN_RETRY_SECONDS,
    SLOW_SECONDS,
    ConnectionSlots,
)
from services.api.http.problems import Overloaded, ServiceUnavailable
from shared.core.deadlines import deadline

pytestmark = pytest.mark.anyio

LISTS, SIGN_ONS = "GET /lists", "POST /signOns"
LONG, SHORT = 60.0, 30.0


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


async def hold(
    slots: ConnectionSlots, operation: str, ended: asyncio.Event, seconds: float = LONG
) -> None:
    with deadline(seconds):
        async with slots.take(operation):
            await ended.wait()


async def begin(work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
    """Start a task, and let it run until it waits."""
    task = asyncio.create_task(work)
    await asyncio.sleep(0)
    return task


def seconds_of(refusal: Overloaded) -> int:
    return int(refusal.headers["Retry-After"])


async def test_slot_is_given_to_the_request_whose_time_ends_first() -> None:
    slots, order = ConnectionSlots(1), list[str]()

    async def use(name: str, seconds: float) -> None:
        with deadline(seconds):
            async with slots.take(LISTS):
                order.append(name)

    ended = asyncio.Event()
    first = await begin(hold(slots, LISTS, ended))
    waiting = [
        await begin(use(name, seconds))
        for name, seconds in (("new", LONG), ("newer", LONG + 1), ("under way", SHORT))
    ]
    ended.set()
    await asyncio.gather(first, *waiting)
    assert order == ["under way", "new", "newer"]


async def test_request_of_another_operation_passes_those_that_are_at_their_limit() -> None:
    slots = ConnectionSlots(2)
    ended, never = asyncio.Event(), asyncio.Event()
    locked = [await begin(hold(slots, LISTS, never, SHORT)) for _ in range(5)]
    await asyncio.sleep(SLOW_SECONDS * 2)  # both slots are free again, and no list may use them
    other = await begin(hold(slots, SIGN_ONS, ended))
    ended.set()
    await asyncio.wait_for(other, timeout=1)
    never.set()
    await asyncio.gather(*locked)


async def test_time_that_ends_in_the_queue_is_overload_while_others_end() -> None:
    slots, ended = ConnectionSlots(1), asyncio.Event()
    first = await begin(hold(slots, LISTS, ended))
    with pytest.raises(Overloaded):
        await hold(slots, LISTS, ended, SLOW_SECONDS / 5)
    ended.set()
    await first


async def test_time_that_ends_in_the_queue_is_no_overload_while_nothing_ends() -> None:
    slots, never = ConnectionSlots(1), asyncio.Event()
    locked = await begin(hold(slots, LISTS, never))
    with pytest.raises(ServiceUnavailable):
        await hold(slots, LISTS, never, SLOW_SECONDS * 2)
    never.set()
    await locked


async def test_a_slot_that_another_request_takes_is_no_progress() -> None:
    slots, never = ConnectionSlots(2), asyncio.Event()
    locked = [await begin(hold(slots, LISTS, never))]
    await asyncio.sleep(SLOW_SECONDS * 2)
    locked.append(await begin(hold(slots, LISTS, never)))
    with pytest.raises(ServiceUnavailable):
        await hold(slots, LISTS, never, SLOW_SECONDS / 5)
    never.set()
    await asyncio.gather(*locked)


async def test_request_that_ends_with_its_time_is_no_progress() -> None:
    slots, never = ConnectionSlots(1), asyncio.Event()
    locked = await begin(hold(slots, LISTS, never))
    await asyncio.sleep(SLOW_SECONDS * 2)

    async def use_until(deadline_ends: float) -> None:
        with deadline(deadline_ends):
            async with slots.take(LISTS):
                await asyncio.sleep(deadline_ends)

    never.set()
    await locked
    await use_until(SLOW_SECONDS / 5)
    last = await begin(hold(slots, LISTS, asyncio.Event()))
    with pytest.raises(ServiceUnavailable):
        await hold(slots, LISTS, never, SLOW_SECONDS / 5)
    last.cancel()
    await asyncio.gather(last, return_exceptions=True)


async def test_slot_passes_a_request_whose_time_ended_at_the_same_moment() -> None:
    slots, ended = ConnectionSlots(1), asyncio.Event()
    first = await begin(hold(slots, LISTS, ended))
    second = await begin(hold(slots, LISTS, asyncio.Event(), SHORT))
    third = await begin(hold(slots, LISTS, ended))
    ended.set()
    second.cancel()  # it leaves the queue only after the first gave its slot
    await asyncio.gather(first, second, third, return_exceptions=True)
    assert [task.exception() for task in (first, third)] == [None, None]
    await asyncio.wait_for(hold(slots, LISTS, ended), timeout=1)


async def test_slot_that_is_given_when_the_time_ends_is_returned() -> None:
    slots, ended = ConnectionSlots(1), asyncio.Event()
    first = await begin(hold(slots, LISTS, ended))
    second = await begin(hold(slots, LISTS, asyncio.Event()))
    ended.set()
    await asyncio.sleep(0)  # the first gives its slot to the second, which has not run yet
    second.cancel()
    await asyncio.gather(first, second, return_exceptions=True)
    await asyncio.wait_for(hold(slots, LISTS, ended), timeout=1)


async def test_new_request_is_refused_when_one_of_its_operation_waits_for_long(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(connection_slots, "MAX_QUEUE_SECONDS", SLOW_SECONDS / 5)
    slots, ended = ConnectionSlots(1), asyncio.Event()
    requests = [await begin(hold(slots, LISTS, ended)) for _ in range(2)]
    slots.require_room(LISTS)
    await asyncio.sleep(SLOW_SECONDS / 4)
    with pytest.raises(Overloaded):
        slots.require_room(LISTS)
    slots.require_room(SIGN_ONS)
    ended.set()
    await asyncio.gather(*requests)
    slots.require_room(LISTS)


async def test_refused_requests_return_one_after_another() -> None:
    slots, ended = ConnectionSlots(1), asyncio.Event()
    requests = [await begin(hold(slots, LISTS, ended)) for _ in range(MAX_QUEUED + 1)]
    seconds = []
    for _ in range(2000):
        with pytest.raises(Overloaded) as refusal:
            slots.require_room(LISTS)
        seconds.append(seconds_of(refusal.value))
    assert seconds == sorted(seconds)
    assert seconds[0] in {MIN_RETRY_SECONDS, MIN_RETRY_SECONDS + 1}
    assert seconds[-1] == MAX_RETRY_SECONDS
    ended.set()
    await asyncio.gather(*requests)
