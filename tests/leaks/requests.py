"""Requests to the API as one of the requesters, and what two responses have in common."""

import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from threading import Lock
from urllib.parse import urlsplit

from clients.python.proofs import ProofKey
from shared.access.rules import Caller, CallerKind, Scope
from shared.oauth.dpop import Nonces
from shared.oauth.tokens import MAX_LIFETIME, AccessToken, TokenAuthority
from tests.leaks.model import Requester

RENEW_SECONDS = 300
VARYING = frozenset({"date", "belgov-trace-id", "dpop-nonce", "ratelimit"})
"""Headers that differ between any two responses, whatever they are about."""
_TRACE_ID = re.compile(rb"urn:uuid:[0-9a-f-]{36}")


@dataclass(frozen=True)
class Reply:
    """A response, without what differs between any two; `is_whole` if it was not broken off."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes
    is_whole: bool = True

    def about(self, ids: Mapping[str, str]) -> "Reply":
        """Return the reply with the names of ids in place of the ids themselves."""
        body, headers = self.body, dict(self.headers)
        for name, value in ids.items():
            body = body.replace(value.encode(), f"<{name}>".encode())
        return Reply(self.status, tuple(sorted(headers.items())), body, self.is_whole)


@dataclass
class Sender:
    """Sends requests, several threads at a time, each request with a proof of its own.

    `revoke` revokes the tokens of requesters with that flaw.
    """

    authority: TokenAuthority
    url: str
    revoke: Callable[[AccessToken], None]
    sent: int = 0
    _key: ProofKey = field(default_factory=ProofKey)
    _other_key: ProofKey = field(default_factory=ProofKey)
    _tokens: dict[str, tuple[float, str]] = field(default_factory=dict)
    _idle: list[HTTPConnection] = field(default_factory=list)
    _lock: Lock = field(default_factory=Lock)

    def __post_init__(self) -> None:
        self._nonces = Nonces(self.authority.keys.derive_secrets("nonces"))

    def send(
        self,
        requester: Requester,
        method: str,
        path: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
    ) -> Reply:
        with self._lock:
            self.sent += 1
        sent = dict(headers or {}) | self.credentials(requester, method, path)
        for attempt in (1, 2):
            try:
                return self._exchange(method, path, sent, body)
            except (ConnectionError, HTTPException):
                self.close()
                if attempt == 2:
                    raise
                sent |= self.credentials(requester, method, path)
        raise AssertionError

    def credentials(self, requester: Requester, method: str, path: str) -> dict[str, str]:
        """Return the headers that authenticate one request."""
        if requester.flaw == "no token":
            return {}
        token = self._token(requester)
        key = self._other_key if requester.flaw == "another key" else self._key
        key.nonce = self._nonces.at(time.time())
        proof = key.proof(method, f"{self.url}{path}", token)
        return {"Authorization": f"DPoP {token}", "DPoP": proof}

    def close(self) -> None:
        while self._idle:
            self._idle.pop().close()

    def _exchange(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes | None
    ) -> Reply:
        with self._connection() as connection:
            connection.request(method, path, body, dict(headers))
            response = connection.getresponse()
            content = response.read()
        kept = [
            (name.lower(), value.replace(self.url, ""))
            for name, value in response.getheaders()
            if name.lower() not in VARYING
        ]
        return Reply(response.status, tuple(sorted(kept)), _without_trace(content))

    @contextmanager
    def _connection(self) -> Iterator[HTTPConnection]:
        """Return an idle connection, or a new one; one that fails is closed."""
        address = urlsplit(self.url)
        try:
            connection = self._idle.pop()
        except IndexError:
            connection = HTTPConnection(str(address.hostname), address.port, timeout=60)
        try:
            yield connection
        except BaseException:
            connection.close()
            raise
        self._idle.append(connection)

    def _token(self, requester: Requester) -> str:
        made_at, token = self._tokens.get(requester.name, (0.0, ""))
        if time.monotonic() - made_at > RENEW_SECONDS or not token:
            token = self._issue(requester)
            self._tokens[requester.name] = time.monotonic(), token
        return token

    def _issue(self, requester: Requester) -> str:
        scopes = frozenset(Scope(scope) for scope in requester.scopes)
        caller = Caller(requester.client, CallerKind(requester.kind), scopes, requester.school)
        token = self.authority.issue(caller, MAX_LIFETIME, self._key.thumbprint)
        if requester.flaw == "forged token":
            head, _, signature = token.rpartition(".")
            return f"{head}.{signature[::-1]}"
        if requester.flaw == "revoked token":
            self.revoke(self.authority.verify(token))
        return token


def _without_trace(content: bytes) -> bytes:
    return _TRACE_ID.sub(b"urn:uuid:", content)
