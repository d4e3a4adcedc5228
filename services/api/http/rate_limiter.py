"""Rate limits per caller, and the alarm for unusually many reads.

The counters live in Redis, so that all processes share them. A request increments one or two of
them in a single round trip, and stops at the first that is over its limit: a read that is rejected
does not count as a read. The library `limits` would take a round trip per counter, and has no
fallback for an unavailable Redis (decision 23).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from ipaddress import ip_address, ip_network
from threading import Lock
from time import monotonic, time
from typing import Self

import structlog
from redis import ConnectionPool, Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from shared.access.rules import Caller
from shared.core.settings import Settings

logger = structlog.get_logger(__name__)

MINUTE, HOUR = 60, 3600
IPV6 = 6
REDIS_TIMEOUT_SECONDS = 0.25
"""The longest time that a request waits for the shared counters."""
LOCAL_FALLBACK_SECONDS = 5.0
"""The time for which this process uses its own counters after Redis failed."""


@dataclass(frozen=True, slots=True)
class RateLimitStatus:
    """The state of a caller's rate limit in the current window.

    `is_unusual` is true once an hour: for the read about students that is one too many.
    """

    name: str
    limit: int
    used: int
    seconds_left: int
    is_unusual: bool = False

    @property
    def is_exceeded(self) -> bool:
        return self.used > self.limit

    def to_http_headers(self) -> dict[str, str]:
        """Return the fields of draft-ietf-httpapi-ratelimit-headers.

        `RateLimit` is left out until half of the limit is used, so that two responses to the same
        request have the same bytes, whatever was requested before.
        """
        headers = {"RateLimit-Policy": f'"{self.name}";q={self.limit};w={MINUTE}'}
        if self.used * 2 > self.limit:
            left = max(0, self.limit - self.used)
            headers["RateLimit"] = f'"{self.name}";r={left};t={self.seconds_left}'
        return headers


_INCREMENT = """
local counts = {}
for place, key in ipairs(KEYS) do
    counts[place] = redis.call('incr', key)
    if counts[place] == 1 then redis.call('expire', key, ARGV[place + 1]) end
    if counts[place] > tonumber(ARGV[1]) then break end
end
return counts
"""


class LocalCounters:
    """Counters of this process alone; each is removed some time after it has expired."""

    def __init__(self) -> None:
        self._counts: dict[str, tuple[int, float]] = {}
        self._remove_expired_at = 0.0
        self._lock = Lock()

    def increment(self, key: str, seconds: int) -> int:
        """Return the new count; it starts again at 1 when `seconds` have passed since the first."""
        now = monotonic()
        with self._lock:
            if now >= self._remove_expired_at:
                self._counts = {k: kept for k, kept in self._counts.items() if kept[1] > now}
                self._remove_expired_at = now + MINUTE
            count, expires_at = self._counts.get(key, (0, now + seconds))
            if expires_at <= now:
                count, expires_at = 0, now + seconds
            self._counts[key] = count + 1, expires_at
            return count + 1


class Counters:
    """Counters shared through Redis, or those of this process while Redis is not available."""

    def __init__(self, redis: Redis) -> None:
        self._increment = redis.register_script(_INCREMENT)
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

    def increment(self, keys: Mapping[str, int], limit: int) -> list[int]:
        """Return the new count of each key; a key expires after its number of seconds.

        Keys after the first whose count is over the limit are not counted.
        """
        if monotonic() >= self._local_until:
            try:
                counts: list[int] = self._increment([*keys], [limit, *keys.values()])
            except RedisError as error:
                self._fall_back(error)
            else:
                return counts
        local: list[int] = []
        for key, seconds in keys.items():
            local.append(self._local.increment(key, seconds))
            if local[-1] > limit:
                break
        return local

    def _fall_back(self, error: RedisError) -> None:
        with self._lock:
            is_first = monotonic() >= self._local_until
            self._local_until = monotonic() + LOCAL_FALLBACK_SECONDS
        if is_first:
            logger.warning("rate_limiter_local_fallback", error=type(error).__name__)


class RateLimiter:
    """Limits per school, per client that acts for no school, and per unauthenticated address.

    A portal acts for every school, so each of its schools has its own limit.
    """

    def __init__(self, settings: Settings) -> None:
        self._counters = Counters.open(settings.redis_url.get_secret_value())
        self._per_minute = {
            "school": settings.api_school_requests_per_minute,
            "client": settings.api_client_requests_per_minute,
            "address": settings.api_address_requests_per_minute,
        }
        self._unusual = settings.api_bulk_alarm_reads_per_hour
        self._exceeded: set[tuple[str, int]] = set()

    def check(self, caller: Caller, *, reads: bool = False) -> RateLimitStatus:
        """Count a request of an authenticated caller, and also as a read about students."""
        return self._check(*_counted_as(caller), reads=reads)

    def check_client(self, client_id: str) -> RateLimitStatus:
        """Count a request of a client for a token, or about one of its tokens."""
        return self._check("client", client_id)

    def check_address(self, address: str) -> RateLimitStatus:
        """Count a request of an unauthenticated client; Redis receives a hash of the address."""
        who = _hash_of(address)
        status = self._check("address", who)
        if status.is_exceeded:
            minute = _minute()
            self._exceeded = {entry for entry in self._exceeded if entry[1] == minute}
            self._exceeded.add((who, minute))
        return status

    def find_exceeded(self, address: str) -> RateLimitStatus | None:
        """Return the status of an address that this process saw over its limit in this minute."""
        if not self._exceeded or (_hash_of(address), _minute()) not in self._exceeded:
            return None
        limit = self._per_minute["address"]
        return RateLimitStatus("address", limit, limit + 1, MINUTE - int(time()) % MINUTE)

    def _check(self, name: str, identifier: str, *, reads: bool = False) -> RateLimitStatus:
        now = int(time())
        keys = {f"requests/{name}/{identifier}/{now // MINUTE}": MINUTE * 2}
        if reads:
            keys[f"reads/{name}/{identifier}/{now // HOUR}"] = HOUR * 2
        limit = self._per_minute[name]
        used, *read = self._counters.increment(keys, limit)
        is_unusual = read == [self._unusual + 1]
        return RateLimitStatus(name, limit, used, MINUTE - now % MINUTE, is_unusual)


def _minute() -> int:
    return int(time()) // MINUTE


def _hash_of(address: str) -> str:
    return sha256(_network(address).encode()).hexdigest()


def _network(address: str) -> str:
    """Return the /64 of an IPv6 address, since a client can use any address within it."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return address
    return str(ip_network((parsed, 64), strict=False)) if parsed.version == IPV6 else address


def _counted_as(caller: Caller) -> tuple[str, str]:
    if caller.school_id is not None:
        return "school", caller.school_id
    return "client", caller.client
