"""Rate limits per caller, and the alarm for reads about unusually many students.

The library `limits` has no fallback for an unavailable Redis (decision 23).
"""

from collections.abc import Collection
from dataclasses import dataclass
from hashlib import sha256
from time import time
from uuid import UUID

from services.api.http.client_addresses import rate_limited_network
from services.api.http.counters import Counters
from shared.access.rules import Caller
from shared.core.settings import Settings

MINUTE, HOUR = 60, 3600
LINK_REQUESTS_PER_MINUTE = 30
"""Of one download link, which lives for a minute: enough to resume on a bad connection."""
WRONG_CODES_PER_MINUTE = 5
"""Of one officer at a desk: a code has 45 random bits."""


@dataclass(frozen=True, slots=True)
class RateLimitStatus:
    """The state of a caller's rate limit in the current window."""

    name: str
    limit: int
    used: int
    seconds_left: int

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


class RateLimiter:
    """Limits per school, per client that acts for no school, and per unauthenticated address.

    A portal acts for every school, so each of its schools has its own limit, and each of its
    officers. What one of them uses up is no request of the portal for a token.
    """

    def __init__(self, settings: Settings) -> None:
        self._counters = Counters.open(settings.redis_url.get_secret_value())
        self._per_minute = {
            "school": settings.api_school_requests_per_minute,
            "client": settings.api_client_requests_per_minute,
            "address": settings.api_address_requests_per_minute,
            "link": LINK_REQUESTS_PER_MINUTE,
            "code": WRONG_CODES_PER_MINUTE,
        }
        self._students_per_hour = settings.api_bulk_alarm_students_per_hour
        self._exceeded: set[tuple[str, int]] = set()

    def check(self, caller: Caller) -> RateLimitStatus:
        """Count a request of an authenticated caller."""
        return self._check(*_counted_as(caller))

    def reads_too_many(self, caller: Caller, students: Collection[UUID]) -> bool:
        """Count the students that a caller reads about, each once within an hour of the clock.

        Return True once an hour, when they have become more than usual. Redis receives half of
        each random id, and keeps none.
        """
        key = f"students/{'/'.join(_counted_as(caller))}/{int(time()) // HOUR}"
        halves = [student.bytes[:8] for student in students]
        return self._counters.exceed(key, halves, self._students_per_hour, 2 * HOUR)

    def check_client(self, client_id: str) -> RateLimitStatus:
        """Count a request of a client for a token, or about one of its tokens."""
        return self._check("client", client_id)

    def check_link(self, secret_sha256: bytes) -> RateLimitStatus:
        """Count a request of a download link."""
        return self._check("link", secret_sha256.hex())

    def check_code(self, caller: Caller) -> RateLimitStatus:
        """Count a code that an officer tries, until `return_code` says that it was right."""
        return self._check("code", _officer_of(caller))

    def return_code(self, caller: Caller) -> None:
        """Count no longer a code that was right."""
        self._count("code", _officer_of(caller), by=-1)

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

    def _check(self, name: str, identifier: str) -> RateLimitStatus:
        used = self._count(name, identifier)
        return RateLimitStatus(name, self._per_minute[name], used, MINUTE - int(time()) % MINUTE)

    def _count(self, name: str, identifier: str, by: int = 1) -> int:
        key = f"requests/{name}/{identifier}/{_minute()}"
        return self._counters.increment(key, 2 * MINUTE, by)


def _minute() -> int:
    return int(time()) // MINUTE


def _hash_of(address: str) -> str:
    return sha256(rate_limited_network(address).encode()).hexdigest()


def _officer_of(caller: Caller) -> str:
    return f"{caller.client}/{caller.subject or ''}"


def _counted_as(caller: Caller) -> tuple[str, str]:
    if caller.school_id is not None:
        return "school", caller.school_id
    if caller.subject is not None:
        return "client", _officer_of(caller)
    return "client", caller.client
