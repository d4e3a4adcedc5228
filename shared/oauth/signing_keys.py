"""The keys that sign access tokens: one file, or a directory of files named by start day."""

import hmac
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Self, TypeVar

from joserfc.errors import JoseError
from joserfc.jwk import ECKey

from shared.core.errors import ConfigurationError
from shared.oauth import jose

T = TypeVar("T")

DatedSecrets = Sequence[tuple[date, bytes]]
"""Secrets with the days from which they are used."""

_FILE_NAME = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2}).*\.pem")
_REMEDY = (
    "generate one with `openssl ecparam -name prime256v1 -genkey -noout` and set "
    "TOETSFEEDBACK_SIGNING_KEYS to its path, or to a directory of keys named YYYY-MM-DD.pem"
)


@dataclass(frozen=True, slots=True)
class SigningKeys:
    """Signing keys with their start days; the one with the latest past start day signs.

    All keys verify. So a new key is published before it signs its first token, and an old key
    verifies until its file is removed.
    """

    keys: tuple[tuple[date, ECKey], ...]

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read private P-256 keys in PEM.

        Raises:
            ConfigurationError: when a key cannot be read, or none may sign today.
        """
        if not path.is_dir():
            return cls(((date.min, _read_key(path)),))
        files = sorted(path.glob("*.pem"))
        keys = cls(tuple((_start_day(file), _read_key(file)) for file in files))
        if not any(day <= _today() for day, _ in keys.keys):
            raise ConfigurationError(f"no key in {path} may sign today; {_REMEDY}")
        return keys

    @property
    def signing(self) -> ECKey:
        return latest_in_effect(self.keys)

    def by_id(self) -> dict[str, ECKey]:
        return {key.thumbprint(): key for _, key in self.keys}

    def derive_secrets(self, purpose: str) -> DatedSecrets:
        """Derive a secret for a purpose from each key, with the start day of the key."""
        return tuple(
            (day, hmac.digest(key.as_pem(private=True), purpose.encode(), "sha256"))
            for day, key in self.keys
        )

    def as_jwk_set(self) -> dict[str, Any]:
        """Return the public keys as a JWK Set (RFC 7517)."""
        return {
            "keys": [
                {**key.as_dict(private=False), "kid": kid, "use": "sig", "alg": "ES256"}
                for kid, key in self.by_id().items()
            ]
        }


def latest_in_effect(dated: Iterable[tuple[date, T]]) -> T:
    """Return the value with the latest start day that is not in the future."""
    return max((pair for pair in dated if pair[0] <= _today()), key=lambda pair: pair[0])[1]


def _today() -> date:
    return datetime.now(UTC).date()


def _start_day(file: Path) -> date:
    match = _FILE_NAME.fullmatch(file.name)
    try:
        return date.fromisoformat(match[1] if match else "")
    except ValueError:
        raise ConfigurationError(
            f"the name of {file} does not say from which day it signs; name it YYYY-MM-DD.pem"
        ) from None


def _read_key(file: Path) -> ECKey:
    try:
        key = ECKey.import_key(file.read_bytes())
    except (OSError, ValueError, JoseError) as error:
        raise ConfigurationError(f"the signing key {file} cannot be read; {_REMEDY}") from error
    if key.curve_name != "P-256" or not key.is_private:
        raise ConfigurationError(f"{file} does not contain a private P-256 key")
    if jose.is_example_key(key):
        raise ConfigurationError(f"{file} contains the key of a published example; {_REMEDY}")
    return key
