"""The time in which a body arrives does not count, and what came before it does."""

import asyncio

import pytest
from starlette.types import Message, Receive, Scope, Send

from services.api.http.request_deadline import RequestDeadline
from shared.core.deadlines import current_deadline

SECONDS, BEFORE, PARTS = 10.0, 0.3, 3


@pytest.mark.parametrize("part_seconds", [0.0, 0.2])
def test_only_the_time_outside_the_body_counts(part_seconds: float) -> None:
    left: list[float] = []

    async def app(_scope: Scope, receive: Receive, _send: Send) -> None:
        await asyncio.sleep(BEFORE)
        for _ in range(PARTS):
            await receive()
            await asyncio.sleep(part_seconds)  # as while a part is stored
        limit = current_deadline()
        assert limit is not None
        left.append(limit.seconds_left)

    async def receive() -> Message:
        await asyncio.sleep(part_seconds)
        return {"type": "http.request"}

    async def send(_message: Message) -> None:
        raise AssertionError

    asyncio.run(RequestDeadline(app, SECONDS)({"type": "http"}, receive, send))
    after = part_seconds  # of the last part
    assert SECONDS - BEFORE - after - 0.5 < left[0] <= SECONDS - BEFORE - after
