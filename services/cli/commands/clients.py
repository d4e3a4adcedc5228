"""Commands around clients: register one, give it keys, suspend it."""

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

app = typer.Typer(no_args_is_help=True, help="The programs that may ask for tokens.")
keys = typer.Typer(no_args_is_help=True, help="The public keys of a client.")
app.add_typer(keys, name="key")

ClientArgument = Annotated[UUID, typer.Argument(help="Id of the client.")]
KeyFileOption = Annotated[
    Path, typer.Option("--key", help="File with a public key: a JWK, or PEM.")
]


@app.command()
def add(
    name: Annotated[str, typer.Argument(help="What people call it.")],
    kind: Annotated[ClientKind, typer.Option(help="What it is.")],
    key: Annotated[list[Path], typer.Option(help="File with a public key: a JWK, or PEM.")],
    scope: Annotated[
        list[Scope] | None, typer.Option(help="Repeat for several; all it can have if left out.")
    ] = None,
    data: DataOption = DEFAULT_DATA,
) -> None:
    """Register a client, and print its id."""
    new = NewClient(name, kind, frozenset(scope or ()), [_jwk_in(file) for file in key])
    with sessions_of(settings_for(data)) as sessions, UnitOfWork(sessions) as unit:
        print(service.register(unit, OPERATOR_REQUEST, new).client.id)


@app.command("list")
def list_clients(
    data: DataOption = DEFAULT_DATA,
    first: Annotated[int, typer.Option(min=1, help="How many, by name.")] = 100,
) -> None:
    """List clients, by name."""
    with sessions_of(settings_for(data)) as sessions, UnitOfWork(sessions) as unit:
        total, views = service.list_clients(unit.session, 0, first)
        _print(views)
    if total > len(views):
        print(f"{total - len(views)} more; ask for them with --first.")


@app.command()
def suspend(client: ClientArgument, data: DataOption = DEFAULT_DATA) -> None:
    """Refuse a client and every token it has, from now on."""
    _change_state(client, ClientState.SUSPENDED, data)


@app.command()
def activate(client: ClientArgument, data: DataOption = DEFAULT_DATA) -> None:
    """Take a suspended client back."""
    _change_state(client, ClientState.ACTIVE, data)


@keys.command("add")
def add_key(client: ClientArgument, key: KeyFileOption, data: DataOption = DEFAULT_DATA) -> None:
    """Add a key; the others stay."""
    with sessions_of(settings_for(data)) as sessions, UnitOfWork(sessions) as unit:
        _print([service.add_key(unit, OPERATOR_REQUEST, client, _jwk_in(key))])


@keys.command("remove")
def remove_key(
    client: ClientArgument,
    thumbprint: Annotated[str, typer.Argument(help="As `client list` shows it.")],
    data: DataOption = DEFAULT_DATA,
) -> None:
    """Remove a key."""
    with sessions_of(settings_for(data)) as sessions, UnitOfWork(sessions) as unit:
        service.remove_key(unit, OPERATOR_REQUEST, client, thumbprint)
        _print([service.read_client(unit.session, client)])


def _change_state(client: UUID, state: ClientState, data: Path) -> None:
    with sessions_of(settings_for(data)) as sessions, UnitOfWork(sessions) as unit:
        _print([service.change(unit, OPERATOR_REQUEST, client, {"state": state.value})])


def _print(views: list[ClientView]) -> None:
    table = Table("client", "name", "kind", "state", "keys", "scopes")
    for view in views:
        client = view.client
        thumbprints = "\n".join(key.thumbprint for key in view.keys)
        scopes = "\n".join(client.scopes)
        table.add_row(str(client.id), client.name, client.kind, client.state, thumbprints, scopes)
    Console().print(table)


def _jwk_in(file: Path) -> dict[str, Any]:
    """As the file has it, or made of its PEM; of a private key the public half."""
    content = file.read_bytes()
    try:
        return dict(json.loads(content))
    except ValueError:
        pass
    for kind in (ECKey, OKPKey, RSAKey):
        with suppress(JoseError, ValueError, TypeError):
            return dict(kind.import_key(content).as_dict(private=False))
    raise ConfigurationError(f"{file} holds no key as a JWK or in PEM; name another file")
