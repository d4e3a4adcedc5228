"""Stopping an API loses no request: not one in progress, and not one on an idle connection."""

import http.client
import time
from collections import Counter
from collections.abc import Iterator
from threading import Event, Thread

import pytest

from shared.core.settings import Settings
from tests.api.api_process import ApiProcess
from tests.api.balancer import FORM, Balancer

pytestmark = pytest.mark.timeout(400)  # each start of a process takes seconds

CLIENTS = 6
FORMER_LIMIT_SECONDS = 6.0
"""Longer than the five seconds after which requests in progress were once cancelled."""


@pytest.fixture(scope="module")
def processes(api_settings: Settings) -> Iterator[list[ApiProcess]]:
    processes = [ApiProcess(api_settings), ApiProcess(api_settings)]
    yield processes
    for process in processes:
        process.close()


@pytest.fixture
def apis(processes: list[ApiProcess]) -> list[ApiProcess]:
    """Return two APIs that are running."""
    for process in processes:
        process.spawn()
    for process in processes:
        process.wait_until_healthy()
    return processes


def test_idle_connection_is_still_served_and_asked_to_close(apis: list[ApiProcess]) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", apis[0].port, timeout=30)
    connection.request("GET", "/doc/openapi.yaml")
    first = connection.getresponse()
    first.read()
    assert first.headers["Connection"] is None
    apis[0].request_stop()
    apis[0].wait_for_refusal()
    connection.auto_open = 0
    connection.request("GET", "/doc/openapi.yaml")
    second = connection.getresponse()
    assert len(second.read()) > 1000
    assert second.status == 200
    assert second.headers["Connection"] == "close"
    apis[0].wait_for_exit()
    connection.close()


def test_request_in_progress_ends_with_its_response(apis: list[ApiProcess]) -> None:
    body = b"grant_type=client_credentials"
    connection = http.client.HTTPConnection("127.0.0.1", apis[0].port, timeout=60)
    connection.putrequest("POST", "/oauth2/token")
    for name, value in (FORM | {"Content-Length": str(len(body))}).items():
        connection.putheader(name, value)
    connection.endheaders(body[:5])
    time.sleep(0.3)  # the API reads the first part of the body
    apis[0].request_stop()
    apis[0].wait_for_refusal()
    time.sleep(FORMER_LIMIT_SECONDS)
    connection.send(body[5:])
    response = connection.getresponse()
    assert response.status in {400, 401}
    assert b'"error"' in response.read()
    assert response.headers["Connection"] == "close"
    apis[0].wait_for_exit()
    connection.close()


def test_rolling_restart_loses_no_request(apis: list[ApiProcess]) -> None:
    balancer = Balancer([api.port for api in apis])
    statuses: Counter[int] = Counter()
    stopped = Event()

    def send_requests() -> None:
        while not stopped.is_set():
            statuses[balancer.send("GET", "/doc/openapi.yaml")[0]] += 1
            statuses[balancer.send("POST", "/oauth2/token", b"grant_type=none")[0]] += 1

    clients = [Thread(target=send_requests) for _ in range(CLIENTS)]
    for client in clients:
        client.start()
    try:
        for api in apis:
            time.sleep(1)
            api.request_stop()
            api.wait_for_exit()
            api.spawn()
            api.wait_until_healthy()
    finally:
        stopped.set()
        for client in clients:
            client.join()
        balancer.close()
    assert set(statuses) == {200, 401}
    assert min(statuses.values()) > CLIENTS
