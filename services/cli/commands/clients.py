"""Commands for OAuth clients: register, suspend, manage keys."""

import json
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID

import typer
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, OKPKey, RSAKey
from rich.console import Console
from rich.table import Table

from services.cli.target import (
    DEFAULT_DATA,
    OPERATOR_REQUEST,
    DataOption,
    sessions_of,
    settings_for,
)
from shared.access.rules import Scope
from shared.core.errors import ConfigurationError
from shared.core.unit_of_work import UnitOfWork
from shared.oauth.clients import service
from shared.oauth.clients.rules import ClientKind, ClientState
from shared.oauth.clients.service import ClientView, NewClient

app = typer.Typer(no_args_is_help=True, help="Manage the OAuth clients that may request tokens.")
keys = typer.Typer(no_args_is_help=True, help="Manage the public keys of a client.")
app.add_typer(keys, name="key")

ClientArgument = Annotated[UUID, typer.Argument(help="Id of the client.")]
KeyFileOption = Annotated[
    Path, typer.Option("--key", help="File with a public key, as JWK or PEM.")
]


@app.command()
def add(
    name: Annotated[str, typer.Argument(help="Display name.")],
    kind: Annotated[ClientKind, typer.Option(help="Kind of client.")],
    key: Annotated[list[Path], typer.Option(help="File with a public key, as JWK or PEM.")],
    scope: Annotated[
        list[Scope] | None,
        typer.Option(help="Scope to allow; repeatable. Default: every scope of its kind."),
    ] = None,
    data: DataOption = DEFAULT_DATA,
) -> None:
    """Register a client and print its id."""
    new = NewClient(name, kind, frozenset(scope or ()), [_read_jwk(file) for file in key])
    with sessions_of(settings_for(data)) as sessions, UnitOfWork(sessions) as unit:
        print(service.register(unit, OPERATOR_REQUEST, new).client.id)


@app.command("list")
def list_clients(
    data: DataOption = DEFAULT_DATA,
    first: Annotated[int, typer.Option(min=1, help="Number of clients to list.")] = 100,
) -> None:
    """List clients by name."""
    with sessions_of(settings_for(data)) as sessions, UnitOfWork(sessions) as unit:
        total, views = service.list_clients(unit.session, 0, first)
        _print_clients(views)
    if total > len(views):
        print(f"{total - len(views)} more; list them with a higher --first.")


@app.command()
def suspend(client: ClientArgument, data: DataOption = DEFAULT_DATA) -> None:
    """Suspend a client: refuse the client and all its tokens from now on."""
    _change_state(client, ClientState.SUSPENDED, data)


@app.command()
def activate(client: ClientArgument, data: DataOption = DEFAULT_DATA) -> None:
    """Activate a suspended client again."""
    _change_state(client, ClientState.ACTIVE, data)


@keys.command("add")
def add_key(client: ClientArgument, key: KeyFileOption, data: DataOption = DEFAULT_DATA) -> None:
    """Add a key to a client; existing keys remain valid."""
    with sessions_of(settings_for(data)) as sessions, UnitOfWork(sessions) as unit:
        _print_clients([service.add_key(unit, OPERATOR_REQUEST, client, _read_jwk(key))])


@keys.command("remove")
def remove_key(
    client: ClientArgument,
    thumbprint: Annotated[str, typer.Argument(help="Thumbprint of the key, see `client list`.")],
    data: DataOption = DEFAULT_DATA,
) -> None:
    """Remove a key from a client."""
    with sessions_of(settings_for(data)) as sessions, UnitOfWork(sessions) as unit:
        service.remove_key(unit, OPERATOR_REQUEST, client, thumbprint)
        _print_clients([service.read_client(unit.session, client)])


def _change_state(client: UUID, state: ClientState, data: Path) -> None:
    with sessions_of(settings_for(data)) as sessions, UnitOfWork(sessions) as unit:
        _print_clients([service.change(unit, OPERATOR_REQUEST, client, {"state": state.value})])


def _print_clients(views: list[ClientView]) -> None:
    table = Table("client", "name", "kind", "state", "keys", "scopes")
    for view in views:
        client = view.client
        thumbprints = "\n".join(key.thumbprint for key in view.keys)
        scopes = "\n".join(client.scopes)
        table.add_row(str(client.id), client.name, client.kind, client.state, thumbprints, scopes)
    Console().print(table)


def _read_jwk(file: Path) -> dict[str, Any]:
    """Read a key file, JWK or PEM; of a private key in PEM, return the public part."""
    content = file.read_bytes()
    try:
        return dict(json.loads(content))
    except ValueError:
        pass
    for kind in (ECKey, OKPKey, RSAKey):
        with suppress(JoseError, ValueError, TypeError):
            return dict(kind.import_key(content).as_dict(private=False))
    raise ConfigurationError(f"{file} contains no key as JWK or PEM; give another file")
