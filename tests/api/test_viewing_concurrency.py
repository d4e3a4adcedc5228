"""Concurrent registrations over two processes of the API: as many as there are places, never more.

The environment variable `VIEWING_RUNS` sets how often 500 students compete for 20 places; `make
viewings` lets them do so 100 times.
"""

import asyncio
import json
import os
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from random import Random
from statistics import median
from typing import Any, NamedTuple
from uuid import UUID

import pytest
from sqlalchemy import func, select, text

from clients.python.proofs import ProofKey
from shared.core.database import Sessions
from shared.core.settings import Settings
from shared.core.unit_of_work import UnitOfWork
from shared.oauth.dpop import Nonces
from shared.oauth.tokens import MAX_LIFETIME, TokenAuthority
from shared.viewings.models import ViewingRegistration
from tests.api.api_process import ApiProcess
from tests.api.matrix_callers import portal
from tests.api.seeding import SCHOOL, Seeded
from tests.viewings.seeding import Viewing, add_students, drop_guard, seed_viewing, viewing_opened

RUNS = int(os.environ.get("VIEWING_RUNS", "1"))
MOVES = int(os.environ.get("VIEWING_MOVES", "100"))
STUDENTS, PLACES, AT_A_TIME = 500, 20, 400
LONGEST_SECONDS = 5.0
REGISTRATIONS = "/v1/viewings/registrations"


@pytest.fixture(scope="module")
def students(sessions: Sessions, seeded: Seeded) -> list[UUID]:
    with UnitOfWork(sessions) as unit:
        return add_students(unit.session, seeded, STUDENTS)


@pytest.fixture(scope="module")
def viewing(sessions: Sessions, seeded: Seeded) -> Iterator[Viewing]:
    rows = seed_viewing(sessions, seeded)
    with viewing_opened(sessions):
        yield rows


class Response(NamedTuple):
    """A response, and the seconds until its last byte from the first byte of its request."""

    status: int
    body: dict[str, Any]
    seconds: float


class Crowd:
    """Clients of one school that send requests at the same time, to two processes.

    Requests are signed beforehand, so that the time of a response is that of the API.
    """

    def __init__(self, processes: list[ApiProcess], authority: TokenAuthority) -> None:
        self._processes = processes
        self._authority = authority
        self._nonces = Nonces(authority.keys.derive_secrets("nonces"))
        self.key = ProofKey()

    def send(self, requests: list[tuple[str, dict[str, Any]]]) -> list[Response]:
        prepared = [
            self._prepare(self._processes[number % len(self._processes)], path, body)
            for number, (path, body) in enumerate(requests)
        ]
        return asyncio.run(_send_all(prepared))

    def _prepare(
        self, process: ApiProcess, path: str, body: dict[str, Any]
    ) -> tuple[ApiProcess, bytes]:
        authority = TokenAuthority(self._authority.keys, process.url, self._authority.audience)
        token = authority.issue(portal(SCHOOL), MAX_LIFETIME, self.key.thumbprint)
        self.key.nonce = self._nonces.at(time.time())
        proof = self.key.proof("POST", process.url + path, token)
        content = json.dumps(body)
        headers = "Host: 127.0.0.1\r\nConnection: close\r\n"
        headers += f"Authorization: DPoP {token}\r\nDPoP: {proof}\r\n"
        headers += f"Content-Type: application/json\r\nContent-Length: {len(content)}\r\n"
        return process, f"POST {path} HTTP/1.1\r\n{headers}\r\n{content}".encode()


async def _send_all(requests: list[tuple[ApiProcess, bytes]]) -> list[Response]:
    return await asyncio.gather(*(_send(process.port, request) for process, request in requests))


async def _send(port: int, request: bytes) -> Response:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    began = time.monotonic()
    writer.write(request)
    head, _, body = (await reader.read(-1)).partition(b"\r\n\r\n")
    seconds = time.monotonic() - began
    writer.close()
    return Response(int(head.split(b" ", 2)[1]), json.loads(body), seconds)


@pytest.fixture(scope="module")
def crowd(api_settings: Settings, viewing: Viewing, authority: TokenAuthority) -> Iterator[Crowd]:  # noqa: ARG001  # rows to serve
    unlimited = {
        "TOETSFEEDBACK_API_SCHOOL_REQUESTS_PER_MINUTE": "1000000",
        "TOETSFEEDBACK_API_REQUEST_SECONDS": "60",
    }
    with ExitStack() as stack:
        processes = [ApiProcess(api_settings, **unlimited) for _ in range(2)]
        for process in processes:
            stack.callback(process.close)
            process.spawn()
        for process in processes:
            process.wait_until_healthy()
        yield Crowd(processes, authority)


Compete = Callable[[], tuple[Counter[str], float, tuple[int, int]]]


@pytest.fixture
def compete(crowd: Crowd, viewing: Viewing, students: list[UUID]) -> Compete:
    """Return a function with which all students compete for the places of a new slot."""

    def compete() -> tuple[Counter[str], float, tuple[int, int]]:
        viewing.clear()
        slot = viewing.slot(PLACES)
        bodies = [{"studentId": str(one), "slotId": str(slot)} for one in students]
        sent = crowd.send([(REGISTRATIONS, body) for body in bodies])
        outcomes = Counter(
            "made" if one.status == 201 else str(one.body["type"]).rpartition(":")[2]
            for one in sent
        )
        return outcomes, max(one.seconds for one in sent), viewing.counts(slot)

    return compete


@pytest.mark.timeout(0)
def test_as_many_register_as_there_are_places(compete: Compete) -> None:
    waits = []
    for _ in range(RUNS):
        outcomes, longest, counts = compete()
        assert outcomes == {"made": PLACES, "slotFull": STUDENTS - PLACES}
        assert counts == (PLACES, PLACES)
        assert longest < LONGEST_SECONDS or RUNS == 1  # other tests run at the same time
        waits.append(longest)
    figure = {"name": "viewings.longest_wait_seconds", "value": round(max(waits), 3)}
    figure |= {"median": round(median(waits), 3), "runs": RUNS}
    print(json.dumps(figure))  # noqa: T201  # shown by `make viewings`


def test_crossing_moves_do_not_deadlock(
    crowd: Crowd, viewing: Viewing, students: list[UUID], sessions: Sessions
) -> None:
    viewing.clear()
    slots = [viewing.slot(12) for _ in range(4)]
    bodies = [
        {"studentId": str(one), "slotId": str(slots[number % 4])}
        for number, one in enumerate(students[:40])
    ]
    made = crowd.send([(REGISTRATIONS, body) for body in bodies])
    assert {one.status for one in made} == {201}
    ids = [one.body["id"] for one in made]
    draws = Random(1)  # noqa: S311  # no secrets
    moves = [
        (f"{REGISTRATIONS}/{draws.choice(ids)}/move", {"slotId": str(draws.choice(slots))})
        for _ in range(MOVES)
    ]
    before = deadlocks(sessions)
    outcomes = Counter[int]()
    for first in range(0, MOVES, AT_A_TIME):
        outcomes.update(one.status for one in crowd.send(moves[first : first + AT_A_TIME]))
    assert outcomes.keys() <= {200, 409}, outcomes
    assert outcomes[200] > MOVES / 10
    assert deadlocks(sessions) == before
    counts = [viewing.counts(slot) for slot in slots]
    assert sum(taken for taken, _ in counts) == 40
    assert all(taken == counted <= 12 for taken, counted in counts)


def deadlocks(sessions: Sessions) -> int:
    query = "select deadlocks from pg_stat_database where datname = current_database()"
    with UnitOfWork(sessions) as unit:
        return int(unit.session.execute(text(query)).scalar_one())


def test_without_the_guard_of_the_database_a_slot_is_overbooked(
    compete: Compete, sessions: Sessions
) -> None:
    """The last test: it shows that nothing but the CHECK keeps the others from failing."""
    with UnitOfWork(sessions) as unit:
        drop_guard(unit.session)
    outcomes, _, (taken, counted) = compete()
    assert outcomes["made"] == taken == counted > PLACES
    with UnitOfWork(sessions) as unit:
        rows = unit.session.scalar(select(func.count()).select_from(ViewingRegistration))
    assert rows == taken
