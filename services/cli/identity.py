"""The registered client with which an operator calls the API from the command line."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, Self

import typer

from clients.python.api import Api
from clients.python.http import open_client
from clients.python.proofs import ProofKey
from clients.python.registered_client import RegisteredClient
from clients.python.token_auth import TokenAuth
from embedded.data_directory import DataDirectory, person_key
from services.cli.target import development_settings, sessions_of
from shared.access.rules import Scope
from shared.core.errors import ConfigurationError
from shared.core.unit_of_work import UnitOfWork
from shared.oauth.clients.repository import client_with_key

CLIENT_ID, CLIENT_KEY = "TOETSFEEDBACK_CLIENT_ID", "TOETSFEEDBACK_CLIENT_KEY"
PUBLIC_URL = "TOETSFEEDBACK_PUBLIC_URL"
SCOPES = f"One of {', '.join(Scope)}."
"""The values of an option for scopes, in its help."""

PersonOption = Annotated[
    int,
    typer.Option(
        "--person",
        min=1,
        max=3,
        help=f"Which of the persons of `up` acts, unless {CLIENT_ID} names a client.",
    ),
]


class ClientIdentity(RegisteredClient):
    """The registered client of the environment, or of an invented person."""

    @classmethod
    def find(cls, data: Path, person: int) -> Self:
        """Return the client of the environment, or that of a person of the instance in `data`.

        Raises:
            ConfigurationError: the environment is incomplete, or no such instance runs.
        """
        named = {name: os.environ.get(name, "") for name in (PUBLIC_URL, CLIENT_ID, CLIENT_KEY)}
        if named[CLIENT_ID]:
            missing = [name for name, value in named.items() if not value]
            if missing:
                raise ConfigurationError(
                    f"set {PUBLIC_URL} to the address of the API, and {CLIENT_KEY} to the file of "
                    "the private key (P-256, PEM) of the client"
                )
            if not Path(named[CLIENT_KEY]).exists():
                raise ConfigurationError(
                    f"{named[CLIENT_KEY]}, the file of {CLIENT_KEY}, does not exist: correct its "
                    "path"
                )
            key = ProofKey.in_file(Path(named[CLIENT_KEY]))
            return cls(named[PUBLIC_URL], named[CLIENT_ID], key)
        return cls.invented(data, person)

    @classmethod
    def invented(cls, data: Path, person: int) -> Self:
        """Return the client of an invented person of the instance that `up` runs in `data`.

        Raises:
            ConfigurationError: when there is no such instance.
        """
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

    @contextmanager
    def session(self) -> Iterator[Api]:
        """Open a session with the API, with tokens of this client.

        Raises:
            ApiRefusal: the client is refused.
        """
        with open_client(self.url) as http:
            yield Api(http, self.url, TokenAuth(self.obtain_token, self.proofs))

    def request(self, method: str, path: str, body: Any = None) -> Any:
        """Send one request and return the JSON object of its response, None without content.

        Raises:
            ApiRefusal: the response is not a success of this API.
        """
        with self.session() as api:
            return api.request(method, path, body)

    def list_all(self, path: str) -> list[Any]:
        """Return the items of all pages of a list.

        Raises:
            ApiRefusal: as `request`.
        """
        with self.session() as api:
            return list(api.items(path))
