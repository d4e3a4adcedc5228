"""Brakes: how often one caller may ask, and the alarm when one reads unusually much."""

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from ipaddress import ip_address, ip_network
from threading import Lock
from time import monotonic, time
from typing import Self

import structlog
from limits.storage import MemoryStorage
from redis import ConnectionPool, Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from shared.access.rules import Caller
from shared.core.settings import Settings

logger = structlog.get_logger(__name__)

MINUTE, HOUR = 60, 3600
IPV6 = 6
PATIENCE_SECONDS = 0.25
"""How long a request waits for the shared counts."""
ALONE_SECONDS = 5.0
"""After a failure this process counts alone for so long, before it looks again."""


@dataclass(frozen=True, slots=True)
class Quota:
    """What a caller may do in the window that is running, and what is left of it.

    `is_unusual` is true once an hour: at the one read of data about students that is too many.
    """

    name: str
    limit: int
    used: int
    seconds_left: int
    is_unusual: bool = False

    @property
    def is_exceeded(self) -> bool:
        return self.used > self.limit

    def headers(self) -> dict[str, str]:
        """The fields of the IETF draft.

        What is left is told once half of it is used: until then two answers to the same question
        have the same bytes, however many came before.
        """
        headers = {"RateLimit-Policy": f'"{self.name}";q={self.limit};w={MINUTE}'}
        if self.used * 2 > self.limit:
            left = max(0, self.limit - self.used)
            headers["RateLimit"] = f'"{self.name}";r={left};t={self.seconds_left}'
        return headers


_ADD = """
local counts = {}
for place, key in ipairs(KEYS) do
    counts[place] = redis.call('incr', key)
    if counts[place] == 1 then redis.call('expire', key, ARGV[place + 1]) end
    if counts[place] > tonumber(ARGV[1]) then break end
end
return counts
"""


class Counts:
    """Counts shared by all processes through Redis; this process's own while that is away."""

    def __init__(self, shared: Redis) -> None:
        self._add = shared.register_script(_ADD)
        self._own = MemoryStorage()
        self._alone_until = 0.0
        self._lock = Lock()

    @classmethod
    def open(cls, redis_url: str) -> Self:
        pool = ConnectionPool.from_url(
            redis_url,
            socket_timeout=PATIENCE_SECONDS,
            socket_connect_timeout=PATIENCE_SECONDS,
            retry=Retry(NoBackoff(), 0),
        )
        return cls(Redis(connection_pool=pool))

    def add(self, keys: Mapping[str, int], limit: int) -> list[int]:
        """How often each was counted, this time included; it is forgotten after so many seconds.

        What comes after one that is over the limit is not counted.
        """
        if monotonic() >= self._alone_until:
            try:
                counts: list[int] = self._add([*keys], [limit, *keys.values()])
            except RedisError as error:
                self._go_alone(error)
            else:
                return counts
        alone: list[int] = []
        for key, seconds in keys.items():
            alone.append(self._own.incr(key, seconds))
            if alone[-1] > limit:
                break
        return alone

    def _go_alone(self, error: RedisError) -> None:
        with self._lock:
            is_first = monotonic() >= self._alone_until
            self._alone_until = monotonic() + ALONE_SECONDS
        if is_first:
            logger.warning("brakes_count_alone", error=type(error).__name__)


class Brakes:
    """Limits per school, per client for callers that act for none, and per address for strangers.

    A portal acts for every school at once, so each of its schools has a limit of its own.
    """

    def __init__(self, settings: Settings) -> None:
        self._counts = Counts.open(settings.redis_url.get_secret_value())
        self._per_minute = {
            "school": settings.api_school_requests_per_minute,
            "client": settings.api_client_requests_per_minute,
            "address": settings.api_address_requests_per_minute,
        }
        self._unusual = settings.api_bulk_alarm_reads_per_hour

    def take(self, caller: Caller, *, reads: bool = False) -> Quota:
        """Counts one request of the caller, which may be a read of data about students."""
        return self._take(*_counted_as(caller), reads=reads)

    def take_from(self, address: str) -> Quota:
        """Counts one request of a stranger, who has shown no valid token, by where it comes from.

        Redis is told a hash of it.
        """
        return self._take("address", sha256(_network(address).encode()).hexdigest())

    def _take(self, name: str, who: str, *, reads: bool = False) -> Quota:
        now = int(time())
        keys = {f"requests/{name}/{who}/{now // MINUTE}": MINUTE * 2}
        if reads:
            keys[f"reads/{name}/{who}/{now // HOUR}"] = HOUR * 2
        limit = self._per_minute[name]
        used, *read = self._counts.add(keys, limit)
        is_unusual = read == [self._unusual + 1]
        return Quota(name, limit, used, MINUTE - now % MINUTE, is_unusual)


def _network(address: str) -> str:
    """An IPv6 address changes at will within a /64; those count as one."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return address
    return str(ip_network((parsed, 64), strict=False)) if parsed.version == IPV6 else address


def _counted_as(caller: Caller) -> tuple[str, str]:
    if caller.school_id is not None:
        return "school", caller.school_id
    return "client", caller.client
