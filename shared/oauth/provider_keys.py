"""The published keys of the identity provider, which go on serving while it does not respond."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from threading import Lock
from time import monotonic
from typing import Any, NamedTuple

import structlog
from joserfc.jwk import ECKey, OKPKey, RSAKey

from shared.oauth import jose
from shared.oauth.jose import PublicKey, SignatureError
from shared.oauth.provider_requests import ProviderUnavailableError, request_object

logger = structlog.get_logger(__name__)

REFRESH_SECONDS = 300.0
"""The age from which the keys are requested again."""
PAUSE_SECONDS = 10.0
"""The shortest time between two requests, after a failure too."""
MAX_SET_BYTES = 1024 * 1024
"""More than two thousand keys, or some hundreds with their certificates."""
MAX_CANDIDATES = 8
"""Keys that are tried for one token, of those that its header does not distinguish."""

_KEY_TYPES: Mapping[str, type[PublicKey]] = {
    "ES256": ECKey,
    "EdDSA": OKPKey,
    "Ed25519": OKPKey,
    "PS256": RSAKey,
    "RS256": RSAKey,
}
_ALIASES = {"EdDSA": "Ed25519"}
_HOUR = 3600


class _PublishedKey(NamedTuple):
    key: PublicKey
    kid: str | None
    algorithm: str | None


@dataclass(frozen=True, eq=False, slots=True)
class KeySet:
    """The usable keys of a JWK Set, and the time of its request, by the monotonic clock."""

    keys: tuple[_PublishedKey, ...]
    requested_at: float

    @property
    def age_seconds(self) -> float:
        return monotonic() - self.requested_at

    def find(self, header: Mapping[str, Any]) -> Sequence[PublicKey]:
        """Return the keys that can have signed a JWS with this header.

        Several keys may have one `kid` (RFC 7517, section 4.5). Keys without one are tried when
        none has that of the header, and all keys when the header has none.
        """
        algorithm, kid = header["alg"], header.get("kid")
        if not isinstance(kid, str | None):
            return []
        suitable = [
            published
            for published in self.keys
            if isinstance(published.key, _KEY_TYPES[algorithm])
            and published.algorithm in {None, _name_of(algorithm)}
        ]
        if kid is not None:
            named = [published for published in suitable if published.kid == kid]
            suitable = named or [published for published in suitable if published.kid is None]
        return [published.key for published in suitable[:MAX_CANDIDATES]]


class ProviderKeys:
    """The key set that the provider published last.

    One thread at a time requests it. Meanwhile, and while the provider does not respond, the others
    use the known keys, until these are older than `max_age_seconds`. Thread-safe.
    """

    def __init__(self, url: str, timeout_seconds: float, max_age_seconds: float) -> None:
        self._url = url
        self._timeout = timeout_seconds
        self._max_age = max_age_seconds
        self._known: KeySet | None = None
        self._requested_at: float | None = None
        self._has_failed = False
        self._requesting = Lock()

    @property
    def age_seconds(self) -> float | None:
        """The age of the known keys; None before the first response."""
        return None if self._known is None else self._known.age_seconds

    @property
    def has_failed(self) -> bool:
        """True when the last request had no usable response."""
        return self._has_failed

    def current(self) -> KeySet:
        """Return the known keys, requested again when it is time.

        Raises:
            ProviderUnavailableError: when there are none, or none that are recent enough.
        """
        known = self._known
        if known is None or known.age_seconds >= min(REFRESH_SECONDS, self._max_age):
            can_wait = known is None or known.age_seconds >= self._max_age
            known = self._refreshed(known, can_wait=can_wait)
        if known is None or known.age_seconds >= self._max_age:
            raise ProviderUnavailableError
        return known

    def newer_than(self, known: KeySet) -> KeySet | None:
        """Return keys that were published after these; None when there are none.

        Raises:
            ProviderUnavailableError: when the provider may have newer ones, but does not respond.
        """
        newest = self._refreshed(known, can_wait=True)
        if newest is not known:
            return newest
        if self._has_failed:
            raise ProviderUnavailableError
        return None

    def _refreshed(self, known: KeySet | None, *, can_wait: bool) -> KeySet | None:
        """Request the keys, unless there are others than `known` by then, or within the pause."""
        if self._requesting.acquire(timeout=self._timeout if can_wait else 0):
            try:
                if self._known is known and not self._is_paused():
                    self._request()
            finally:
                self._requesting.release()
        return self._known

    def _is_paused(self) -> bool:
        last = self._requested_at
        return last is not None and monotonic() - last < PAUSE_SECONDS

    def _request(self) -> None:
        began_at = monotonic()
        try:
            document = request_object("GET", self._url, self._timeout, max_bytes=MAX_SET_BYTES)
            self._store(KeySet(_usable_keys(document), began_at), len(document["keys"]))
            self._has_failed = False
        except ProviderUnavailableError:
            self._has_failed = True
            if (age := self.age_seconds) is not None:
                logger.warning(
                    "identity_provider_keys_are_old",
                    age_hours=round(age / _HOUR, 2),
                    usable_hours=round(max(0, self._max_age - age) / _HOUR, 2),
                )
        finally:
            self._requested_at = monotonic()

    def _store(self, new: KeySet, published: int) -> None:
        if self._known is None or self._known.keys != new.keys:
            logger.info("identity_provider_keys", published=published, usable=len(new.keys))
        elif self._has_failed:
            logger.info("identity_provider_responds_again")
        self._known = new


def _usable_keys(document: Mapping[str, Any]) -> tuple[_PublishedKey, ...]:
    """Return the keys of a JWK Set that can verify tokens, without those of other kinds.

    Raises:
        ProviderUnavailableError: when it is no JWK Set.
    """
    listed = document.get("keys")
    if not isinstance(listed, list):
        logger.warning("identity_provider_unavailable", error="NoKeySet")
        raise ProviderUnavailableError
    found = (_usable_key(entry) for entry in listed if isinstance(entry, dict))
    return tuple(key for key in found if key is not None)


def _usable_key(entry: Mapping[str, Any]) -> _PublishedKey | None:
    algorithm, kid, operations = entry.get("alg"), entry.get("kid"), entry.get("key_ops")
    is_for_signatures = entry.get("use", "sig") == "sig" and (
        operations is None or (isinstance(operations, list) and "verify" in operations)
    )
    is_accepted = algorithm is None or algorithm in jose.PROVIDER_ALGORITHMS
    if not (is_for_signatures and is_accepted and isinstance(kid, str | None)):
        return None
    try:
        key = jose.public_key(entry, jose.MIN_PRESENT_RSA_BITS)
    except SignatureError:
        return None
    return _PublishedKey(key, kid, None if algorithm is None else _name_of(algorithm))


def _name_of(algorithm: str) -> str:
    """Return one name for an algorithm that has two."""
    return _ALIASES.get(algorithm, algorithm)
