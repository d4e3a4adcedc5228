"""Authentication for HTTPX: renew the access token, sign a DPoP proof per request."""

import time
from collections.abc import Callable, Generator

import httpx

from clients.python.proofs import NONCE_HEADER, ProofKey

RENEW_AFTER_SECONDS = 120.0

ObtainToken = Callable[[], str]
"""Return a new access token; called again well before the last one expires."""


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
