"""The keys that sign our tokens: one, or a directory in which each says from which day it signs."""

import hmac
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Self, TypeVar

from joserfc.errors import JoseError
from joserfc.jwk import ECKey

from shared.core.errors import ConfigurationError
from shared.oauth import jose

T = TypeVar("T")

_NAME = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2}).*\.pem")
_REMEDY = (
    "make one with `openssl ecparam -name prime256v1 -genkey -noout` and name it, or a directory "
    "of such files called YYYY-MM-DD.pem, in TOETSFEEDBACK_SIGNING_KEYS"
)


@dataclass(frozen=True, slots=True)
class SigningKeys:
    """Every key checks tokens, from before its day on; the latest whose day has come signs.

    So a new key is known everywhere before the first token of it appears, and an old one checks
    until its file is taken away.
    """

    keys: tuple[tuple[date, ECKey], ...]

    @classmethod
    def read(cls, path: Path) -> Self:
        """Reads P-256 private keys in PEM.

        Raises:
            ConfigurationError: when one cannot be read, or none may sign today.
        """
        if not path.is_dir():
            return cls(((date.min, _read_key(path)),))
        files = sorted(path.glob("*.pem"))
        keys = cls(tuple((_day_in(file), _read_key(file)) for file in files))
        if not any(day <= _today() for day, _ in keys.keys):
            raise ConfigurationError(f"no key in {path} may sign today; {_REMEDY}")
        return keys

    @property
    def signing(self) -> ECKey:
        return latest_begun(self.keys)

    def by_id(self) -> dict[str, ECKey]:
        return {key.thumbprint(): key for _, key in self.keys}

    def secrets_for(self, purpose: str) -> tuple[tuple[date, bytes], ...]:
        """Secrets that only those share who hold these keys; they begin with their key."""
        return tuple(
            (day, hmac.digest(key.as_pem(private=True), purpose.encode(), "sha256"))
            for day, key in self.keys
        )

    def public(self) -> dict[str, Any]:
        """The public halves as a JWK set."""
        return {
            "keys": [
                {**key.as_dict(private=False), "kid": kid, "use": "sig", "alg": "ES256"}
                for kid, key in self.by_id().items()
            ]
        }


def latest_begun(dated: Iterable[tuple[date, T]]) -> T:
    """Of what begins on a day each, the latest whose day has come."""
    return max((pair for pair in dated if pair[0] <= _today()), key=lambda pair: pair[0])[1]


def _today() -> date:
    return datetime.now(UTC).date()


def _day_in(file: Path) -> date:
    named = _NAME.fullmatch(file.name)
    try:
        return date.fromisoformat(named[1] if named else "")
    except ValueError:
        raise ConfigurationError(
            f"{file} does not say from which day it signs; call it YYYY-MM-DD.pem"
        ) from None


def _read_key(file: Path) -> ECKey:
    try:
        key = ECKey.import_key(file.read_bytes())
    except (OSError, ValueError, JoseError) as error:
        raise ConfigurationError(f"the signing key {file} cannot be read; {_REMEDY}") from error
    if key.curve_name != "P-256" or not key.is_private:
        raise ConfigurationError(f"{file} does not hold the private half of a P-256 key")
    if jose.is_published(key):
        raise ConfigurationError(f"{file} holds the key of an example, for all to see; {_REMEDY}")
    return key
