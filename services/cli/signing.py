"""Client authentication for HTTPX: renew the access token, sign a DPoP proof per request."""

import time
from collections.abc import Callable, Generator
from contextlib import suppress
from pathlib import Path
from typing import Self
from uuid import uuid4

import httpx
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey

from embedded.data_directory import write_private
from shared.core.errors import ConfigurationError
from shared.oauth.dpop import token_hash

RENEW_AFTER_SECONDS = 120.0
ALGORITHM, CURVE = "ES256", "P-256"
NONCE_HEADER = "DPoP-Nonce"

ObtainToken = Callable[[], str]
"""Return a new access token; called again well before the last one expires."""


class ProofKey:
    """The DPoP key of a client, which signs proofs (RFC 9449)."""

    def __init__(self, key: ECKey | None = None) -> None:
        self.key = key or ECKey.generate_key(CURVE)
        self.nonce: str | None = None

    @classmethod
    def in_file(cls, file: Path) -> Self:
        """Load the private key of a PEM file; create the file if it does not exist.

        Raises:
            ConfigurationError: the file contains something else.
            OSError: the file cannot be read.
        """
        if not file.exists():
            write_private(file, ECKey.generate_key(CURVE).as_pem(private=True))
        content = file.read_bytes()
        with suppress(ValueError, JoseError):
            key = ECKey.import_key(content)
            if key.is_private and key.curve_name == CURVE:
                return cls(key)
        raise ConfigurationError(
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


class TokenAuth(httpx.Auth):
    """Authentication of requests by an access token, with a DPoP proof by its key."""

    def __init__(self, obtain: ObtainToken, key: ProofKey) -> None:
        self._obtain = obtain
        self._key = key
        self._renew()

    def _renew(self) -> None:
        self._token = self._obtain()
        self._renew_at = time.monotonic() + RENEW_AFTER_SECONDS

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        if time.monotonic() >= self._renew_at:
            self._renew()
        if not isinstance(request.stream, httpx.ByteStream):
            response = yield self._nonce_request(request)
            self._key.nonce = response.headers.get(NONCE_HEADER)
        used = self._key.nonce
        self._sign(request)
        response = yield request
        new = self._key.nonce = response.headers.get(NONCE_HEADER, used)
        if new != used and "use_dpop_nonce" in response.headers.get("WWW-Authenticate", ""):
            self._sign(request)
            yield request

    def _nonce_request(self, request: httpx.Request) -> httpx.Request:
        """Return the request without its body and without a nonce: refused, with a new nonce.

        For a body that is streamed, and so cannot be sent again.
        """
        self._key.nonce = None
        nonce_request = httpx.Request(request.method, request.url)
        self._sign(nonce_request)
        return nonce_request

    def _sign(self, request: httpx.Request) -> None:
        request.headers["Authorization"] = f"DPoP {self._token}"
        request.headers["DPoP"] = self._key.proof(request.method, str(request.url), self._token)
