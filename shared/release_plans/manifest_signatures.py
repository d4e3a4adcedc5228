"""Signatures of manifests: a JWS (RFC 7515) by the key of the workers, over the hash."""

from dataclasses import dataclass
from pathlib import Path
from typing import Self
from uuid import UUID

from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import ECKey

from shared.core.errors import ConfigurationError
from shared.core.secrets import derive_key

ALGORITHM = "ES256"
TYPE = "toetsfeedback-manifest"
_REMEDY = (
    "generate one with `openssl ecparam -name prime256v1 -genkey -noout`, set "
    "TOETSFEEDBACK_MANIFEST_KEY_FILE of the workers to its path, and that of the API to a file "
    "with its public part (`openssl ec -pubout`)"
)


@dataclass(frozen=True, slots=True)
class ManifestKey:
    """The key that signs manifests, or its public part, which verifies them."""

    key: ECKey

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read a P-256 key in PEM.

        Raises:
            ConfigurationError: when the file cannot be read, or contains another key.
        """
        try:
            key = ECKey.import_key(path.read_bytes())
        except OSError as error:
            raise ConfigurationError(
                f"{path} cannot be read ({error.strerror}); {_REMEDY}"
            ) from None
        except (JoseError, ValueError):
            raise ConfigurationError(f"{path} contains no P-256 key in PEM; {_REMEDY}") from None
        if key.curve_name != "P-256":
            raise ConfigurationError(f"{path} contains no P-256 key in PEM; {_REMEDY}")
        return cls(key)

    @classmethod
    def read_private(cls, path: Path) -> Self:
        """Read a private key; raise ConfigurationError as `read`, and for a public key."""
        found = cls.read(path)
        if not found.key.is_private:
            raise ConfigurationError(f"{path} contains no private key; {_REMEDY}")
        return found

    @property
    def secret(self) -> bytes:
        """A secret that follows from the private key, for the hashes in the content of manifests.

        It is the same in every worker, so that a second verification gives the same content.
        """
        return derive_key(self.key.as_pem(private=True), "hashes in manifests")

    def sign(self, opening_id: UUID, content_hash: bytes) -> str:
        """Return the JWS over the hash of a manifest of an opening."""
        header = {"alg": ALGORITHM, "typ": TYPE, "kid": self.key.thumbprint()}
        payload = _payload(opening_id, content_hash)
        return jws.serialize_compact(header, payload, self.key, algorithms=[ALGORITHM])

    def verifies(self, signature: str, opening_id: UUID, content_hash: bytes) -> bool:
        """Return True if the signature is by this key, and over this hash for this opening."""
        try:
            found = jws.deserialize_compact(signature, self.key, algorithms=[ALGORITHM])
        except (JoseError, ValueError):
            return False
        return found.protected.get("typ") == TYPE and found.payload == _payload(
            opening_id, content_hash
        )


def _payload(opening_id: UUID, content_hash: bytes) -> bytes:
    return f"{opening_id} {content_hash.hex()}".encode()
