"""The registered client with which an operator calls the API from the command line."""

import os
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Self
from uuid import uuid4

import httpx
import typer
from joserfc import jwt

from embedded.data_directory import DataDirectory, person_key
from services.cli.signing import ALGORITHM, NONCE_HEADER, ProofKey, TokenAuth
from services.cli.target import development_settings, sessions_of
from shared.core.errors import ConfigurationError, DomainError
from shared.core.unit_of_work import UnitOfWork
from shared.oauth.assertions import ASSERTION_TYPE
from shared.oauth.clients.repository import client_with_key

CLIENT_ID, CLIENT_KEY = "TOETSFEEDBACK_CLIENT_ID", "TOETSFEEDBACK_CLIENT_KEY"
PUBLIC_URL = "TOETSFEEDBACK_PUBLIC_URL"
TIMEOUT_SECONDS = 60
ASSERTION_SECONDS = 60

PersonOption = Annotated[
    int,
    typer.Option(
        "--person",
        min=1,
        max=3,
        help=f"Which of the persons of `up` acts, unless {CLIENT_ID} names a client.",
    ),
]


class ApiRefusal(DomainError):  # noqa: N818  # named after what the API does
    """A response of the API that is not a success, with its detail."""

    def __init__(self, response: httpx.Response) -> None:
        super().__init__("refused", _detail_of(response))


@dataclass(frozen=True, slots=True)
class ClientIdentity:
    """A registered client with its private key, at the public address of the API."""

    url: str
    client_id: str
    key: ProofKey
    proofs: ProofKey = field(default_factory=ProofKey)

    @classmethod
    def find(cls, data: Path, person: int) -> Self:
        """Return the client of the environment, or that of a person of the instance in `data`.

        Raises:
            ConfigurationError: the environment is incomplete, or no such instance runs.
        """
        named = {name: os.environ.get(name, "") for name in (PUBLIC_URL, CLIENT_ID, CLIENT_KEY)}
        if named[CLIENT_ID]:
            missing = [name for name, value in named.items() if not value]
            if missing or not Path(named[CLIENT_KEY]).exists():
                raise ConfigurationError(
                    f"set {PUBLIC_URL} to the address of the API, and {CLIENT_KEY} to the file of "
                    "the private key (P-256, PEM) of the client"
                )
            key = ProofKey.in_file(Path(named[CLIENT_KEY]))
            return cls(named[PUBLIC_URL], named[CLIENT_ID], key)
        return cls._of_instance(data, person)

    @classmethod
    def _of_instance(cls, data: Path, person: int) -> Self:
        file = person_key(DataDirectory(data).keys, person)
        if not file.exists():
            raise ConfigurationError(
                f"no instance with invented persons is in {data}: set {CLIENT_ID} and {CLIENT_KEY} "
                "to your registered client and its key"
            )
        settings, key = development_settings(data, "operator"), ProofKey.in_file(file)
        with sessions_of(settings) as sessions, UnitOfWork(sessions) as unit:
            client_id = client_with_key(unit.session, key.thumbprint)
        return cls(settings.public_url, str(client_id), key)

    def obtain_token(self, proofs: ProofKey | None = None) -> str:
        """Request an access token that is bound to the key of `proofs`.

        Raises:
            ApiRefusal: the client is refused.
        """
        proofs, endpoint = proofs or self.proofs, f"{self.url}/oauth2/token"
        for _ in range(2):
            form = {
                "grant_type": "client_credentials",
                "client_assertion_type": ASSERTION_TYPE,
                "client_assertion": self._assertion(),
            }
            headers = {"DPoP": proofs.proof("POST", endpoint)}
            response = httpx.post(endpoint, data=form, headers=headers, timeout=TIMEOUT_SECONDS)
            proofs.nonce = response.headers.get(NONCE_HEADER, proofs.nonce)
            if response.is_success:
                return str(response.json()["access_token"])
        raise ApiRefusal(response)

    def request(self, method: str, path: str, body: Any = None) -> Any:
        """Send one request and return the JSON of its response.

        Raises:
            ApiRefusal: the response is not a success.
        """
        auth = TokenAuth(self.obtain_token, self.proofs)
        response = httpx.request(
            method, f"{self.url}{path}", json=body, auth=auth, timeout=TIMEOUT_SECONDS
        )
        if not response.is_success:
            raise ApiRefusal(response)
        return response.json() if response.content else None

    def _assertion(self) -> str:
        now = int(time.time())
        claims = {
            "iss": self.client_id,
            "sub": self.client_id,
            "aud": self.url,
            "iat": now,
            "exp": now + ASSERTION_SECONDS,
            "jti": str(uuid4()),
        }
        header = {"typ": "JWT", "alg": ALGORITHM}
        return jwt.encode(header, claims, self.key.key, algorithms=[ALGORITHM])


def _detail_of(response: httpx.Response) -> str:
    try:
        body = response.json()
    except ValueError:
        body = {}
    issues = [f"{issue['name']}: {issue['detail']}" for issue in body.get("issues", ())]
    detail = body.get("detail") or body.get("error_description") or response.reason_phrase
    return "; ".join(issues) or str(detail)
