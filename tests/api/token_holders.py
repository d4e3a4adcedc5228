"""Clients with a token, and what ends their access, on a running API."""

import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Self
from urllib.parse import urlsplit

import httpx
from sqlalchemy import func, text, update

from shared.core.database import Sessions
from shared.core.unit_of_work import UnitOfWork
from shared.deliveries.repository import last_applied_sequence
from shared.oauth.clients.rules import ClientKind
from shared.oauth.token_exchange import ACCESS_TOKEN, GRANT_TYPE
from shared.releases.models import ReleaseWindow
from tests.api.oauth_clients import HTTP, OAuthClient, register_client
from tests.api.seeding import ADMINISTRATION, OTHER, SCHOOL
from tests.deliveries.delivery_files import correction, run_import
from tests.oauth.provider_process import OpenIdProvider

ROLE = "toetsfeedback_rol_3d"


@dataclass
class World:
    """The running API, its people and programs, and the documents by name."""

    url: str
    sessions: Sessions
    outside: OpenIdProvider
    operator: httpx.Client
    school: httpx.Client
    documents: dict[str, str]


@dataclass
class Holder:
    """A client with a token, and the mandate that it has, if it is an integrator."""

    world: World
    client: OAuthClient
    token: str
    mandate: str = ""

    @classmethod
    def integrator(cls, world: World) -> "Holder":
        client = register_client(world.sessions, world.url, ClientKind.INTEGRATOR)
        until = (datetime.now(UTC) + timedelta(days=30)).date().isoformat()
        plan = {"clientId": client.id, "products": ["studentFeedback"], "purpose": "Downloads"}
        given = world.school.post("/v1/mandates", json=plan | {"until": until})
        return cls(world, client, client.token(), given.json()["href"])

    @classmethod
    def person(cls, world: World) -> "Holder":
        client = register_client(world.sessions, world.url, ClientKind.PORTAL)
        answer = sign_on(client, world.outside, f"Lezer:{SCHOOL}")
        return cls(world, client, answer.json()["access_token"])

    @classmethod
    def operator(cls, world: World) -> "Holder":
        client = register_client(world.sessions, world.url, ClientKind.OPERATOR)
        return cls(world, client, client.token())

    def headers(self, method: str, path: str) -> dict[str, str]:
        proof = self.client.proofs.proof(method, f"{self.client.url}{path}", self.token)
        return {"Authorization": f"DPoP {self.token}", "DPoP": proof}

    def get(self, path: str) -> httpx.Response:
        answer = HTTP.get(f"{self.client.url}{path}", headers=self.headers("GET", path))
        self.client.proofs.nonce = answer.headers.get("DPoP-Nonce", self.client.proofs.nonce)
        return answer

    def link(self, document: str) -> str:
        path = f"{document}/grants"
        headers = self.headers("POST", path)
        answer = HTTP.post(f"{self.client.url}{path}", headers=headers)
        assert answer.status_code == 201, answer.text
        return str(urlsplit(answer.json()["href"]).path)


def sign_on(client: OAuthClient, outside: OpenIdProvider, *roles: str) -> httpx.Response:
    claims: dict[str, Any] = {"vo_id": f"person-{client.id}", ROLE: [*roles]}
    token = outside.token(vo_orgcode=SCHOOL, **claims)
    form = {"subject_token": token, "subject_token_type": ACCESS_TOKEN}
    return client.request_token(grant_type=GRANT_TYPE, **form)


def revoke_token(holder: Holder) -> None:
    assert holder.client.post("/oauth2/revoke", token=holder.token).status_code == 200


def patch_client(holder: Holder, change: dict[str, Any]) -> None:
    answer = holder.world.operator.patch(f"/v1/clients/{holder.client.id}", json=change)
    assert answer.status_code == 200, answer.text


def suspend_client(holder: Holder) -> None:
    patch_client(holder, {"state": "suspended"})


def remove_scope(holder: Holder) -> None:
    patch_client(holder, {"scopes": ["schools:read"]})


def remove_scope_of_operator(holder: Holder) -> None:
    """Take all scopes away but the one that nobody may take from a person."""
    patch_client(holder, {"scopes": ["clients:write"]})


def remove_key(holder: Holder) -> None:
    path = f"/v1/clients/{holder.client.id}/keys/{holder.client.key.thumbprint()}"
    assert holder.world.operator.delete(path).status_code == 204


def revoke_mandate(holder: Holder) -> None:
    assert holder.world.school.post(f"{holder.mandate}/revoke").status_code == 200


def end_mandate(holder: Holder) -> None:
    """Move the days of the mandate into the past, which is refused to anyone but the owner."""
    with UnitOfWork(holder.world.sessions) as unit:
        unit.session.execute(text("set local session_replication_role = replica"))
        ended = "from_on = current_date - 9, until_on = current_date - 2"
        statement = text(f"update mandates set {ended} where client = :client")
        unit.session.execute(statement, {"client": holder.client.id})


def close_window(holder: Holder) -> None:
    with UnitOfWork(holder.world.sessions) as unit:
        unit.session.execute(update(ReleaseWindow).values(closes_at=func.now()))


def lose_role(holder: Holder) -> None:
    assert sign_on(holder.client, holder.world.outside).status_code == 400


def lose_one_role(holder: Holder) -> None:
    other = f"Beheerder:{SCHOOL}"
    assert sign_on(holder.client, holder.world.outside, other).status_code == 200


def succeed_school(holder: Holder) -> None:
    """Let another school succeed the one of the holder."""
    schools = {"successor": OTHER, "predecessor": SCHOOL}
    succession = """insert into successions (successor_id, predecessor_id, confirmed_at)
        values (:successor, :predecessor, now())"""
    with UnitOfWork(holder.world.sessions) as unit:
        unit.session.execute(text(succession), schools)


def end_enrolment(holder: Holder) -> None:
    """Apply a correction that ends the enrolment of one student of the school."""
    sessions = holder.world.sessions
    with UnitOfWork(sessions) as unit, TemporaryDirectory() as directory:
        sequence = last_applied_sequence(unit.session, ADMINISTRATION) + 1
        row = ["first", SCHOOL, "4A", "Familie", "Voornaam", "", ""]
        ended = correction(sequence, students=[row])
        ended.add_column("students.csv", "enrolment", "ended")
        outcome = run_import(unit.session, ended.write(Path(directory)))
    assert outcome.status == "applied", outcome.report


def restore_documents(sessions: Sessions) -> None:
    """Show the documents of the school, and enrol the student, for the next test."""
    current = "(select facts_revision from participations where school_id = :school)"
    enrol = "update students set removed_at = null where school_id = :school"
    with UnitOfWork(sessions) as unit:
        for statement in (
            f"update documents set facts_revision = {current} where school_id = :school",
            f"{enrol} and delivered_as = 'first'",
            "delete from successions where predecessor_id = :school",
        ):
            unit.session.execute(text(statement), {"school": SCHOOL})


@dataclass(frozen=True, slots=True)
class End:
    """An end of access: its holder, the act, and the statuses of a document and a list after it.

    A list with status 200 is empty.
    """

    holder: Callable[[World], Holder]
    act: Callable[[Holder], None]
    document: int
    documents: int

    @classmethod
    def of(
        cls, holder: Callable[[World], Holder], act: Callable[[Holder], None], status: int
    ) -> "End":
        return cls(holder, act, status, status)


class NoDownloadError(AssertionError):
    """A response without a document; `response` has its first bytes."""

    def __init__(self, response: bytes) -> None:
        super().__init__(response[:300])
        self.response = response


class SlowDownload:
    """A download by a client that reads 64 KiB, and then about 800 kB per second."""

    def __init__(self, url: str, path: str, headers: dict[str, str]) -> None:
        """Raises NoDownloadError when the response has no document."""
        address = urlsplit(url)
        self._socket = socket.create_connection((address.hostname, address.port), timeout=10)
        lines = [f"GET {path} HTTP/1.1", f"Host: {address.netloc}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        self._socket.sendall("\r\n".join([*lines, "", ""]).encode())
        start = b""
        while len(start) < 64 * 1024 and (piece := self._socket.recv(64 * 1024)):
            start += piece
        if not start.startswith((b"HTTP/1.1 200 ", b"HTTP/1.1 206 ")):
            self._socket.close()
            raise NoDownloadError(start)
        head, _, body = start.partition(b"\r\n\r\n")
        self.size = int(head.lower().partition(b"content-length: ")[2].split()[0])
        self.received = len(body)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def read(self) -> bytes:
        piece = self._socket.recv(16 * 1024)
        self.received += len(piece)
        time.sleep(0.02)
        return piece

    def read_until_reset(self) -> None:
        """Read until the connection is reset; fail if the response ends in another way."""
        with self._socket:
            try:
                while self.read():
                    pass
            except ConnectionResetError:
                return
        raise AssertionError("the response ended without a reset")
