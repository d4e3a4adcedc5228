"""Commands for the persons behind the clients of operators."""

from pathlib import Path
from typing import Annotated, Any

import typer

from services.cli.commands.clients import FirstOption, NeededScopes, read_jwk
from services.cli.identity import ClientIdentity, PersonOption
from services.cli.output import JsonOption, print_page
from services.cli.target import (
    DEFAULT_DATA,
    OPERATOR_REQUEST,
    DataOption,
    sessions_of,
    settings_for,
)
from shared.client_changes.application import register_first_person
from shared.core.unit_of_work import UnitOfWork

app = typer.Typer(no_args_is_help=True, help="Manage the persons behind clients of operators.")

NameArgument = Annotated[str, typer.Argument(help="Name or label of the person.")]
KeyFileOption = Annotated[
    Path, typer.Option("--key", help="File with the public key of the client, as JWK or PEM.")
]


@app.command()
def add(name: NameArgument, key: KeyFileOption, data: DataOption = DEFAULT_DATA) -> None:
    """Register one of the first three persons, as the owner of the database.

    Print the id of the client of the person.
    """
    with sessions_of(settings_for(data, "owner")) as sessions, UnitOfWork(sessions) as unit:
        view = register_first_person(unit, OPERATOR_REQUEST, name, read_jwk(key))
    print(view.client.id)


@app.command("request")
def request_person(
    name: NameArgument,
    key: KeyFileOption,
    scope: NeededScopes,
    person: PersonOption = 1,
    data: DataOption = DEFAULT_DATA,
) -> None:
    """Request a further person with a client; two other persons approve."""
    names = {"personName": name, "name": name, "scopes": list(scope)}
    body = {"kind": "registerPerson", **names, "keys": [read_jwk(key)]}
    change = ClientIdentity.find(data, person).request("POST", "/v1/clientChanges", body)
    print(change["id"])


@app.command("list")
def list_persons(
    data: DataOption = DEFAULT_DATA,
    first: FirstOption = 200,
    person: PersonOption = 1,
    as_json: JsonOption = False,
) -> None:
    """List the persons by name."""
    page = ClientIdentity.find(data, person).request("GET", f"/v1/persons?pageSize={first}")
    print_page(page, _print_persons, as_json=as_json)


def _print_persons(persons: list[dict[str, Any]]) -> None:
    for person in persons:
        print(f"{person['id']} {person['name']}")
