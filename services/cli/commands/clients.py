"""Commands for OAuth clients: register, suspend, manage keys, agree with other persons."""

from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID

import typer
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, OKPKey, RSAKey

from services.cli.identity import SCOPES, ClientIdentity, PersonOption
from services.cli.lazy_commands import HelpGroup
from services.cli.output import JsonOption, print_page, print_table
from services.cli.target import DEFAULT_DATA, DataOption
from shared.access.rules import Scope
from shared.core.errors import ConfigurationError
from shared.core.strict_json import parse_json
from shared.oauth.clients.rules import ClientKind

app = typer.Typer(no_args_is_help=True, help="Manage the OAuth clients that may request tokens.")
keys = typer.Typer(no_args_is_help=True, help="Manage the public keys of a client.")
changes = typer.Typer(
    no_args_is_help=True, help="Agree with other persons on what a client can do."
)
app.add_typer(keys, name="key", cls=HelpGroup)
app.add_typer(changes, name="change", cls=HelpGroup)

ClientArgument = Annotated[UUID, typer.Argument(help="Id of the client.")]
ChangeArgument = Annotated[UUID, typer.Argument(help="Id of the change, see `client change list`.")]
KeyFileOption = Annotated[
    Path, typer.Option("--key", help="File with a public key, as JWK or PEM.")
]
NeededScopes = Annotated[
    list[Scope],
    typer.Option(
        "--scope", metavar="SCOPE", help=f"Scope that the client needs; repeatable. {SCOPES}"
    ),
]
FirstOption = Annotated[int, typer.Option(min=1, max=200, help="Number of entries to list.")]


PRIVATE_MEMBERS = {"d", "p", "q", "dp", "dq", "qi", "oth"}
"""Members of a JWK that never leave this machine (RFC 7518)."""


@app.command()
def add(
    name: Annotated[str, typer.Argument(help="Display name.")],
    kind: Annotated[ClientKind, typer.Option(help="Kind of client: integrator or portal.")],
    key: Annotated[Path, typer.Option(help="File with its public key, as JWK or PEM.")],
    scope: NeededScopes,
    person: PersonOption = 1,
    data: DataOption = DEFAULT_DATA,
) -> None:
    """Register a client and print its id."""
    body = {"name": name, "kind": kind, "scopes": list(scope), "keys": [read_jwk(key)]}
    client = ClientIdentity.find(data, person).request("POST", "/v1/clients", body)
    print(client["id"])


@app.command("list")
def list_clients(
    data: DataOption = DEFAULT_DATA,
    first: FirstOption = 100,
    person: PersonOption = 1,
    as_json: JsonOption = False,
) -> None:
    """List clients by name."""
    page = ClientIdentity.find(data, person).request("GET", f"/v1/clients?pageSize={first}")
    print_page(page, _print_clients, as_json=as_json)


@app.command()
def suspend(
    client: ClientArgument, person: PersonOption = 1, data: DataOption = DEFAULT_DATA
) -> None:
    """Suspend a client: refuse the client and all its tokens from now on."""
    identity = ClientIdentity.find(data, person)
    body = {"state": "suspended"}
    _print_clients([identity.request("PATCH", f"/v1/clients/{client}", body)])


@app.command()
def activate(
    client: ClientArgument, person: PersonOption = 1, data: DataOption = DEFAULT_DATA
) -> None:
    """Request that a suspended client is activated again; another person approves."""
    _request(data, person, {"kind": "activateClient", "clientId": str(client)})


@app.command()
def scopes(
    client: ClientArgument,
    scope: Annotated[
        list[Scope], typer.Option(metavar="SCOPE", help=f"Scope to allow; repeatable. {SCOPES}")
    ],
    person: PersonOption = 1,
    data: DataOption = DEFAULT_DATA,
) -> None:
    """Request other scopes for a client; another person approves."""
    body = {"kind": "changeScopes", "clientId": str(client), "scopes": list(scope)}
    _request(data, person, body)


@keys.command("add")
def add_key(
    client: ClientArgument,
    key: KeyFileOption,
    person: PersonOption = 1,
    data: DataOption = DEFAULT_DATA,
) -> None:
    """Request a key for a client; another person approves, and existing keys remain valid."""
    _request(data, person, {"kind": "addKey", "clientId": str(client), "keys": [read_jwk(key)]})


@keys.command("remove")
def remove_key(
    client: ClientArgument,
    thumbprint: Annotated[str, typer.Argument(help="Thumbprint of the key, see `client list`.")],
    person: PersonOption = 1,
    data: DataOption = DEFAULT_DATA,
) -> None:
    """Remove a key from a client."""
    identity = ClientIdentity.find(data, person)
    identity.request("DELETE", f"/v1/clients/{client}/keys/{thumbprint}")
    _print_clients([identity.request("GET", f"/v1/clients/{client}")])


@changes.command("list")
def list_changes(
    data: DataOption = DEFAULT_DATA,
    first: FirstOption = 20,
    person: PersonOption = 1,
    as_json: JsonOption = False,
) -> None:
    """List the requested changes, newest first."""
    page = ClientIdentity.find(data, person).request("GET", f"/v1/clientChanges?pageSize={first}")
    print_page(page, _print_changes, as_json=as_json)


@changes.command()
def approve(
    change: ChangeArgument, person: PersonOption = 1, data: DataOption = DEFAULT_DATA
) -> None:
    """Approve a change that another person requested."""
    _decide(data, person, change, "approve")


@changes.command()
def reject(
    change: ChangeArgument, person: PersonOption = 1, data: DataOption = DEFAULT_DATA
) -> None:
    """Reject a change that is not applied yet."""
    _decide(data, person, change, "reject")


@changes.command("apply")
def apply_change(
    change: ChangeArgument, person: PersonOption = 1, data: DataOption = DEFAULT_DATA
) -> None:
    """Apply a change that enough persons agree to, after its delay."""
    _decide(data, person, change, "apply")


def _decide(data: Path, person: int, change: UUID, verb: str) -> None:
    identity = ClientIdentity.find(data, person)
    _print_change(identity.request("POST", f"/v1/clientChanges/{change}/{verb}"))


def _request(data: Path, person: int, body: dict[str, Any]) -> None:
    _print_change(ClientIdentity.find(data, person).request("POST", "/v1/clientChanges", body))


def _print_change(change: dict[str, Any]) -> None:
    begins = f", takes effect at {change['takesEffectAt']}" if "takesEffectAt" in change else ""
    about = change.get("clientId") or change.get("name", "")
    print(f"{change['id']} {change['kind']} {about}: {change['state']}{begins}")


def _print_changes(found: list[dict[str, Any]]) -> None:
    for change in found:
        _print_change(change)


def _print_clients(clients: list[dict[str, Any]]) -> None:
    rows = [
        (
            *(client[name] for name in ("id", "name", "kind", "state")),
            ",".join(key["id"] for key in client["keys"]),
            " ".join(client["scopes"]),
        )
        for client in clients
    ]
    print_table(("client", "name", "kind", "state", "keys", "scopes"), rows)


def read_jwk(file: Path) -> dict[str, Any]:
    """Read a key file, JWK or PEM, and return the public part of its key.

    Raises:
        ConfigurationError: the file contains no key, or a set of keys.
        OSError: the file cannot be read.
    """
    content = file.read_bytes()
    with suppress(ValueError):
        found = parse_json(content)
        if isinstance(found, dict) and isinstance(found.get("keys"), list):
            raise ConfigurationError(
                f"{file} contains a set of keys (JWKS); write one of its keys to a file of its own"
            )
        if isinstance(found, dict) and "kty" in found:
            return {name: value for name, value in found.items() if name not in PRIVATE_MEMBERS}
    for kind in (ECKey, OKPKey, RSAKey):
        with suppress(JoseError, ValueError, TypeError):
            return dict(kind.import_key(content).as_dict(private=False))
    raise ConfigurationError(f"{file} contains no key as JWK or PEM; give another file")
