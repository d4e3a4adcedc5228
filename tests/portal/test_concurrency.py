"""Many people at a time: nobody waits for another, and a download that is broken off ends."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from clients.python.api import Api
from clients.python.http import open_client
from services.portal.pages import Pages
from services.portal.sessions import Session
from services.portal.views.downloads import PassedOnDownload
from services.portal.visits import Visit
from tests.api.conftest import serve

LARGE = b"x" * 2_000_000


def test_persons_do_not_wait_for_the_tokens_of_others() -> None:
    pages, both = Pages(), Barrier(2)

    def first_use(number: int) -> Api:
        def open_api(_address: str) -> Api:
            both.wait(timeout=10)
            return Api(httpx.Client(), f"https://api{number}.example", httpx.Auth())

        session = Session("subject token", "id token", "name", [])
        return Visit(Request({"type": "http", "client": None}), session, pages, open_api).api

    with ThreadPoolExecutor(2) as threads:
        assert len({api.url for api in threads.map(first_use, range(2))}) == 2


@pytest.mark.parametrize("spec_version", ["2.3", "2.4"])
def test_download_is_closed_when_the_browser_leaves(spec_version: str) -> None:
    """The versions of ASGI report it differently: by a message, or by an error."""
    app = Starlette(routes=[Route("/", lambda _: Response(LARGE))])
    with serve(app) as url, open_client(url) as http:
        upstream = http.send(http.build_request("GET", "/"), stream=True)
        response = PassedOnDownload(upstream, {})
        asyncio.run(pass_on(response, spec_version))
        assert upstream.is_closed
        assert upstream.num_bytes_downloaded < len(LARGE)


async def pass_on(response: PassedOnDownload, spec_version: str) -> None:
    has_left = asyncio.Event()

    async def receive() -> Any:
        await has_left.wait()
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        if message["type"] == "http.response.body":
            has_left.set()
            if spec_version == "2.4":
                raise OSError
            await asyncio.sleep(10)

    scope = {"type": "http", "asgi": {"spec_version": spec_version}}
    try:
        await response(scope, receive, send)
    except ClientDisconnect:
        assert spec_version == "2.4"
