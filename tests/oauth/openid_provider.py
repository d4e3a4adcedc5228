"""A small OpenID provider in a process: correct, or with the fault that the path names."""

import json
import sys
import time
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import chain, repeat
from pathlib import Path
from secrets import token_urlsafe
from typing import Any
from urllib.parse import parse_qs

from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey

KEY = RSAKey.generate_key(2048, {"kid": "first"})
ISSUED: dict[str, dict[str, Any]] = {}
PUBLISHED: dict[str, Any] = {"body": "", "status": 200, "delay": 0.0, "requests": 0}
"""The response of `GET /published`, and the number of its requests."""


class ProviderHandler(BaseHTTPRequestHandler):
    """`POST /issue` takes claims as JSON, and issues an opaque token, a signed one of type
    `at+jwt`, and one of type `JWT`: an ID token, or an access token of Keycloak.

    `POST /publish` changes the response of `GET /published`, a JWK Set or whatever else.

    Introspection requires a client assertion by the key that the command line names.
    """

    client_key: ECKey

    def do_GET(self) -> None:
        if self.path == "/jwks":
            self._send({"keys": [KEY.as_dict(private=False), {"kty": "new kind", "kid": "x"}]})
        elif self.path == "/published":
            PUBLISHED["requests"] += 1
            time.sleep(PUBLISHED["delay"])
            self._send_bytes(PUBLISHED["body"].encode(), PUBLISHED["status"])
        elif self.path == "/requests":
            self._send(PUBLISHED["requests"])
        else:
            self._misbehave()

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.path == "/issue":
            opaque = token_urlsafe()
            ISSUED[opaque] = json.loads(body)
            header = {"alg": "RS256", "kid": "first"}
            access_token = jwt.encode(header | {"typ": "at+jwt"}, ISSUED[opaque], KEY)
            plain_token = jwt.encode(header | {"typ": "JWT"}, ISSUED[opaque], KEY)
            self._send({"opaque": opaque, "signed": access_token, "of_type_jwt": plain_token})
        elif self.path == "/publish":
            PUBLISHED.update(json.loads(body))
            self._send({})
        elif self.path == "/introspect":
            form = {name: values[0] for name, values in parse_qs(body.decode()).items()}
            jwt.decode(form["client_assertion"], self.client_key)
            claims = ISSUED.get(form["token"])
            self._send({"active": False} if claims is None else {"active": True} | claims)
        else:
            self._misbehave()

    def _misbehave(self) -> None:
        match self.path:
            case "/error":
                self.send_error(500)
            case "/elsewhere":
                self.send_response(302)
                self.send_header("Location", "/introspect")
                self.end_headers()
            case "/odd":
                self._send({"keys": 7})
            case "/nonsense":
                self._send(["active"])
            case "/half":
                self._send_bytes(b'{"active": tr')
            case "/endless":
                self._send_bytes(b"[" * 1_000_000)
            case "/slow":
                time.sleep(1)
                self._send({"active": True})
            case "/dripping-head":
                self._drip(b"X: 1\r\n")
            case "/dripping":
                self._drip(b"\r\n", b" ")

    def _drip(self, *pieces: bytes) -> None:
        """Send an endless response, of which the last of the pieces is repeated."""
        self.send_response(200)
        self.flush_headers()
        for piece in chain(pieces, repeat(pieces[-1])):
            self.wfile.write(piece)
            time.sleep(0.05)

    def _send(self, body: object) -> None:
        self._send_bytes(json.dumps(body).encode())

    def _send_bytes(self, content: bytes, status: int = 200) -> None:
        self.send_response(status)
        if status == HTTPStatus.FOUND:
            self.send_header("Location", "/jwks")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        pass


if __name__ == "__main__":
    ProviderHandler.client_key = ECKey.import_key(Path(sys.argv[1]).read_bytes())
    with ThreadingHTTPServer(("127.0.0.1", 0), ProviderHandler) as server:
        sys.stdout.write(f"{server.server_port}\n")
        sys.stdout.flush()
        server.serve_forever()
