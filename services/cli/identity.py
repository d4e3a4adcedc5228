"""The registered client with which an operator calls the API from the command line."""

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Self
from uuid import uuid4

import httpx
import typer
from joserfc import jwt

from embedded.data_directory import DataDirectory, person_key
from services.cli.api_client import open_client
from services.cli.signing import ALGORITHM, NONCE_HEADER, ProofKey, TokenAuth
from services.cli.target import development_settings, sessions_of
from shared.core.errors import ConfigurationError, DomainError
from shared.core.unit_of_work import UnitOfWork
from shared.oauth.assertions import ASSERTION_TYPE
from shared.oauth.clients.repository import client_with_key

CLIENT_ID, CLIENT_KEY = "TOETSFEEDBACK_CLIENT_ID", "TOETSFEEDBACK_CLIENT_KEY"
PUBLIC_URL = "TOETSFEEDBACK_PUBLIC_URL"
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
    """A response of the API that is not a success, with its detail and its issues.

    An issue is the name of a parameter, or the JSON pointer of a property, with its detail.
    """

    def __init__(self, response: httpx.Response) -> None:
        body = _json_of(response)
        detail = body.get("detail") or body.get("error_description")
        super().__init__("refused", str(detail or _unlike_ours(response)))
        self.status = response.status_code
        self.issues = [(str(i["name"]), str(i["detail"])) for i in body.get("issues", ())]


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
        proofs = proofs or self.proofs
        with open_client(self.url) as client:
            for _ in range(2):
                response = self._request_token(client, proofs)
                token = _json_of(response).get("access_token")
                if response.is_success and isinstance(token, str):
                    return token
        raise ApiRefusal(response)

    def request(self, method: str, path: str, body: Any = None) -> Any:
        """Send one request and return the JSON object of its response, None without content.

        Raises:
            ApiRefusal: the response is not a success of this API.
        """
        auth = TokenAuth(self.obtain_token, self.proofs)
        with open_client(self.url, auth) as client:
            response = client.request(method, path, json=body)
        found = _json_of(response)
        if not response.is_success or (response.content and not found):
            raise ApiRefusal(response)
        return found or None

    def list_all(self, path: str) -> Iterator[Any]:
        """Iterate over the items of all pages of a list.

        Raises:
            ApiRefusal: as `request`.
        """
        following: str | None = path
        while following is not None:
            page = self.request("GET", following)
            yield from page["items"]
            link = page.get("next")
            following = None if link is None else link.removeprefix(self.url)

    def _request_token(self, client: httpx.Client, proofs: ProofKey) -> httpx.Response:
        endpoint = f"{self.url}/oauth2/token"
        form = {
            "grant_type": "client_credentials",
            "client_assertion_type": ASSERTION_TYPE,
            "client_assertion": self._assertion(),
        }
        headers = {"DPoP": proofs.proof("POST", endpoint)}
        response = client.post("/oauth2/token", data=form, headers=headers)
        proofs.nonce = response.headers.get(NONCE_HEADER, proofs.nonce)
        return response

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


def _json_of(response: httpx.Response) -> dict[str, Any]:
    try:
        body = response.json()
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


def _unlike_ours(response: httpx.Response) -> str:
    return (
        f"{response.request.url.host} responded with {response.status_code} and is not the API; "
        f"correct {PUBLIC_URL}"
    )
