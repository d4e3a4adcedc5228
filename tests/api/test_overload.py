"""More requests at once than the API has capacity for."""

import asyncio
from math import inf

import httpx
import pytest
from starlette.types import ASGIApp, Receive, Scope, Send

from services.api.app import create_app
from services.api.http import connection_slots
from services.api.http.connection_slots import MAX_QUEUED, MAX_RETRY_SECONDS, MIN_RETRY_SECONDS
from services.api.resources import RESERVED_CONNECTIONS
from shared.access.rules import CallerKind
from shared.core.settings import Settings
from tests.api.conftest import Callers, serve
from tests.api.problem_details import BELGIF, problem
from tests.api.seeding import SCHOOL

CROWD = "X-Crowd"
REQUESTS = MAX_QUEUED + 150


class Gathering:
    """Middleware that holds the requests of a crowd until all are there, then lets all go."""

    def __init__(self, app: ASGIApp, *, size: int) -> None:
        self._app = app
        self._missing = size
        self._complete = asyncio.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and (CROWD.lower().encode(), b"yes") in scope["headers"]:
            self._missing -= 1
            if self._missing == 0:
                self._complete.set()
            await self._complete.wait()
        await self._app(scope, receive, send)


def test_requests_over_the_capacity_are_refused_and_no_other_fails(
    api_settings: Settings, callers: Callers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By their number alone: how long they wait depends on the machine."""
    monkeypatch.setattr(connection_slots, "MAX_QUEUE_SECONDS", inf)
    auth = callers.auth(callers.token(CallerKind.SCHOOL, SCHOOL))
    changes = {"database_pool_size": RESERVED_CONNECTIONS + 1, "api_request_seconds": 60}
    one_slot = api_settings.model_copy(update=changes)

    async def send_all(url: str) -> list[httpx.Response]:
        limits = httpx.Limits(max_connections=None)
        async with httpx.AsyncClient(base_url=url, limits=limits, timeout=60) as client:
            requests = (
                client.get("/v1/schools", headers={CROWD: "yes"}, auth=auth)
                for _ in range(REQUESTS)
            )
            return await asyncio.gather(*requests)

    app = create_app(one_slot)
    app.add_middleware(Gathering, size=REQUESTS)
    with serve(app) as url:
        httpx.get(f"{url}/v1/schools", auth=auth)  # for a nonce
        responses = asyncio.run(send_all(url))
    refused = [response for response in responses if response.status_code == 429]
    assert {response.status_code for response in responses} == {200, 429}
    assert len(refused) <= REQUESTS - MAX_QUEUED
    for response in refused:
        assert problem(response)["type"] == f"{BELGIF}tooManyRequests"
        seconds = int(response.headers["Retry-After"])
        assert MIN_RETRY_SECONDS <= seconds <= MAX_RETRY_SECONDS
        assert "RateLimit-Policy" not in response.headers  # it does not count on the address
