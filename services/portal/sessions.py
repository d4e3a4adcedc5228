"""Sessions on the server: encrypted records in Redis, which only the cookie of a person opens."""

import json
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from hashlib import sha256
from math import ceil
from secrets import token_bytes, token_urlsafe
from typing import Any, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from redis import Redis

NONCE_BYTES: Final = 12
PENDING_SECONDS: Final = 600
"""The time that a person has to sign on at the provider."""


@dataclass(slots=True)
class Session:
    """A person who is signed on.

    `subject_token` is that of the provider, `access_token` that of the API with its end in seconds
    since the epoch. `form_token` is in each form of the session's pages. `notice` is a message for
    the next page. `class_groups` are those of a teacher; every class group if empty. A viewing
    officer has an empty `school`.
    """

    subject_token: str
    id_token: str
    name: str
    class_groups: list[str]
    form_token: str = field(default_factory=token_urlsafe)
    started_at: float = field(default_factory=time.time)
    access_token: str = ""
    access_ends_at: float = 0.0
    scopes: list[str] = field(default_factory=list)
    subject: str = ""
    school: dict[str, Any] = field(default_factory=dict)
    administrations: list[dict[str, Any]] = field(default_factory=list)
    notice: dict[str, Any] = field(default_factory=dict)


_FIELDS = frozenset(one.name for one in fields(Session))


class SessionStore:
    """The sessions and pending sign-ons of all processes of the portal.

    A record has the hash of a secret as its key, and is encrypted with another hash of it: a
    reader of Redis can neither use a session nor read one.
    """

    def __init__(self, redis: Redis, idle_seconds: int, session_seconds: int) -> None:
        self._redis = redis
        self._idle_seconds = idle_seconds
        self._session_seconds = session_seconds

    def add(self, session: Session) -> str:
        """Store a session and return its secret, for the cookie."""
        secret = token_urlsafe(32)
        self._redis.set(
            _key("session", secret), _sealed(secret, asdict(session)), self._lifetime(session)
        )
        return secret

    def find(self, secret: str) -> Session | None:
        """Return the session of a secret, and extend it; None when it has ended."""
        content = self._redis.get(_key("session", secret))
        opened = _opened(secret, content)
        if opened is None:
            return None
        # One that another version of the portal has stored may have a field more.
        session = Session(**{name: opened[name] for name in opened.keys() & _FIELDS})
        lifetime = self._lifetime(session)
        if lifetime <= 0:
            self.end(secret)
            return None
        self._redis.expire(_key("session", secret), lifetime)
        return session

    def save(self, secret: str, session: Session) -> None:
        """Store a session again, unless it was ended meanwhile."""
        sealed = _sealed(secret, asdict(session))
        self._redis.set(_key("session", secret), sealed, max(1, self._lifetime(session)), xx=True)

    def end(self, secret: str) -> None:
        self._redis.delete(_key("session", secret))

    def add_token(self, secret: str, token: str, ends_at: float) -> bool:
        """Store an access token of a session; return False when the session has ended meanwhile.

        Requests at the same time obtain one each, of which the session keeps one.
        """
        key = _key("tokens", secret)
        with self._redis.pipeline() as pipeline:
            pipeline.zremrangebyscore(key, "-inf", time.time())
            pipeline.zadd(key, {_sealed(secret, {"token": token}): ends_at})
            pipeline.expireat(key, ceil(ends_at))
            pipeline.exists(_key("session", secret))
            return bool(pipeline.execute()[-1])

    def take_tokens(self, secret: str) -> list[str]:
        """Return the access tokens of a session that has ended, once."""
        key = _key("tokens", secret)
        with self._redis.pipeline() as pipeline:
            pipeline.zrange(key, 0, -1)
            pipeline.delete(key)
            stored: list[object] = pipeline.execute()[0]
        opened = (_opened(secret, content) for content in stored)
        return [one["token"] for one in opened if one is not None]

    def add_pending(self, state: str, values: Mapping[str, str]) -> None:
        """Store the values of a sign-on at the provider, by its `state`."""
        self._redis.set(_key("sign-on", state), _sealed(state, values), PENDING_SECONDS)

    def take_pending(self, state: str) -> dict[str, str] | None:
        """Return the values of a sign-on, once."""
        content = self._redis.getdel(_key("sign-on", state))
        return _opened(state, content)

    def _lifetime(self, session: Session) -> int:
        left = session.started_at + self._session_seconds - time.time()
        return int(min(self._idle_seconds, left))


def _key(kind: str, secret: str) -> str:
    return f"portal:{kind}:{sha256(f'key {secret}'.encode()).hexdigest()}"


def _cipher(secret: str) -> AESGCM:
    return AESGCM(sha256(f"content {secret}".encode()).digest())


def _sealed(secret: str, content: Mapping[str, Any]) -> bytes:
    nonce = token_bytes(NONCE_BYTES)
    return nonce + _cipher(secret).encrypt(nonce, json.dumps(content).encode(), None)


def _opened(secret: str, content: object) -> dict[str, Any] | None:
    if not isinstance(content, bytes):
        return None
    try:
        opened = _cipher(secret).decrypt(content[:NONCE_BYTES], content[NONCE_BYTES:], None)
    except InvalidTag:
        return None
    found: dict[str, Any] = json.loads(opened)
    return found
