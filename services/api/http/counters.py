"""Counters in Redis, so that all processes share them, with those of this process as a fallback."""

from collections.abc import Collection
from threading import Lock
from time import monotonic
from typing import Self

import structlog
from redis import ConnectionPool, Redis
from redis.backoff import NoBackoff
from redis.commands.core import Script
from redis.exceptions import RedisError
from redis.retry import Retry

logger = structlog.get_logger(__name__)

REDIS_TIMEOUT_SECONDS = 0.25
"""The longest time that a request waits for the shared counters."""
LOCAL_FALLBACK_SECONDS = 5.0
"""The time for which this process uses its own counters after Redis failed."""
REMOVE_EXPIRED_SECONDS = 60

_INCREMENT = """
local count = redis.call('incrby', KEYS[1], ARGV[2])
if count == tonumber(ARGV[2]) then redis.call('expire', KEYS[1], ARGV[1]) end
return count
"""

# A HyperLogLog: 12 kB for any number of members, with an error of about 1 %. Lua passes a few
# thousand arguments at a time.
_EXCEED = """
local limit, seconds = tonumber(ARGV[1]), ARGV[2]
for first = 3, #ARGV, 1000 do
    redis.call('pfadd', KEYS[1], unpack(ARGV, first, math.min(first + 999, #ARGV)))
end
redis.call('expire', KEYS[1], seconds)
if redis.call('pfcount', KEYS[1]) <= limit then return 0 end
return redis.call('set', KEYS[2], 1, 'nx', 'ex', seconds) and 1 or 0
"""


class LocalCounters:
    """Counters of this process alone; each is removed some time after it has expired."""

    def __init__(self) -> None:
        self._counts: dict[str, tuple[int, float]] = {}
        self._remove_expired_at = 0.0
        self._lock = Lock()

    def increment(self, key: str, seconds: int, by: int = 1) -> int:
        """Return the new count; it starts at 0 again when `seconds` have passed since the first."""
        now = monotonic()
        with self._lock:
            if now >= self._remove_expired_at:
                self._counts = {k: kept for k, kept in self._counts.items() if kept[1] > now}
                self._remove_expired_at = now + REMOVE_EXPIRED_SECONDS
            count, expires_at = self._counts.get(key, (0, now + seconds))
            if expires_at <= now:
                count, expires_at = 0, now + seconds
            self._counts[key] = count + by, expires_at
            return count + by

    def exceed(self, key: str, members: Collection[bytes], limit: int, seconds: int) -> bool:
        """Add members to a set; return True when it has more than `limit` for the first time."""
        before = self.increment(key, seconds, by=0)
        if before > limit:
            return False
        added = [self.increment(f"{key}/{member.hex()}", seconds) for member in members].count(1)
        return self.increment(key, seconds, by=added) > limit


class Counters:
    """Counters shared through Redis, or those of this process while Redis is not available."""

    def __init__(self, redis: Redis) -> None:
        self._increment = redis.register_script(_INCREMENT)
        self._exceed = redis.register_script(_EXCEED)
        self._local = LocalCounters()
        self._local_until = 0.0
        self._lock = Lock()

    @classmethod
    def open(cls, redis_url: str) -> Self:
        pool = ConnectionPool.from_url(
            redis_url,
            socket_timeout=REDIS_TIMEOUT_SECONDS,
            socket_connect_timeout=REDIS_TIMEOUT_SECONDS,
            retry=Retry(NoBackoff(), 0),
        )
        return cls(Redis(connection_pool=pool))

    def increment(self, key: str, seconds: int, by: int = 1) -> int:
        """Return the new count of a key, which expires after so many seconds."""
        count = self._call(self._increment, [key], [seconds, by])
        return self._local.increment(key, seconds, by) if count is None else count

    def exceed(self, key: str, members: Collection[bytes], limit: int, seconds: int) -> bool:
        """Add members to a set that expires when nothing was added for so many seconds.

        Return True when it has more than `limit` different members for the first time.
        """
        keys = [key, f"{key}/exceeded"]
        first = self._call(self._exceed, keys, [limit, seconds, *members])
        if first is None:
            return self._local.exceed(key, members, limit, seconds)
        return first == 1

    def _call(self, script: Script, keys: list[str], arguments: list[int | bytes]) -> int | None:
        """Return the result of a script, or None while Redis is not available."""
        if monotonic() < self._local_until:
            return None
        try:
            return int(script(keys, arguments))
        except RedisError as error:
            self._fall_back(error)
            return None

    def _fall_back(self, error: RedisError) -> None:
        with self._lock:
            is_first = monotonic() >= self._local_until
            self._local_until = monotonic() + LOCAL_FALLBACK_SECONDS
        if is_first:
            logger.warning("rate_limiter_local_fallback", error=type(error).__name__)
