"""Keys of a client in files, and the DPoP proofs that they sign (RFC 9449)."""

import os
import time
from base64 import urlsafe_b64encode
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import Self
from uuid import uuid4

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey

from clients.python.errors import KeyFileError

ALGORITHM, CURVE = "ES256", "P-256"
NONCE_HEADER = "DPoP-Nonce"


class ProofKey:
    """A private key that signs proofs, with the latest nonce of the server."""

    def __init__(self, key: ECKey | None = None) -> None:
        self.key = key or ECKey.generate_key(CURVE)
        self.nonce: str | None = None

    @classmethod
    def in_file(cls, file: Path) -> Self:
        """Load the private key of a PEM file; create the file if it does not exist.

        Raises:
            KeyFileError: the file contains something else, or cannot be created.
            OSError: the file cannot be read.
        """
        if not file.exists():
            _create(file)
        content = file.read_bytes()
        with suppress(ValueError, JoseError):
            key = ECKey.import_key(content)
            if key.is_private and key.curve_name == CURVE:
                return cls(key)
        raise KeyFileError(
            f"{file} contains no private {CURVE} key in PEM format; give another file"
        )

    @property
    def thumbprint(self) -> str:
        return self.key.thumbprint()

    def proof(self, method: str, url: str, token: str | None = None) -> str:
        claims = {
            "jti": str(uuid4()),
            "htm": method,
            "htu": url.partition("?")[0],
            "iat": int(time.time()),
        }
        if token is not None:
            claims["ath"] = token_hash(token)
        if self.nonce is not None:
            claims["nonce"] = self.nonce
        header = {"typ": "dpop+jwt", "alg": ALGORITHM, "jwk": self.key.as_dict(private=False)}
        return jwt.encode(header, claims, self.key, algorithms=[ALGORITHM])


def token_hash(token: str) -> str:
    """Return the hash of a token, as a proof contains it in `ath`."""
    return urlsafe_b64encode(sha256(token.encode()).digest()).rstrip(b"=").decode()


def _create(file: Path) -> None:
    """Write a new key to a file that only its owner can read, complete or not at all."""
    draft = file.with_name(f".{file.name}.{uuid4()}")
    try:
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as output:
            output.write(ECKey.generate_key(CURVE).as_pem(private=True))
            output.flush()
            os.fsync(output.fileno())
        draft.replace(file)
    except OSError:
        draft.unlink(missing_ok=True)
        raise KeyFileError(
            f"there is no key in {file}, and none can be created there: give the path of an "
            f"existing key, or create the directory {file.parent} with permission to write"
        ) from None
