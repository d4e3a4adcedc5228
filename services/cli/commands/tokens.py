"""Command that issues an access token for a named client."""

from datetime import timedelta
from typing import Annotated

import typer

from services.cli.target import DEFAULT_DATA, DataOption, settings_for
from shared.access.rules import GRANTABLE, Caller, CallerError, CallerKind, Scope
from shared.access.tokens import TokenAuthority


def token(
    client: Annotated[str, typer.Option(help="Name of the client, for the trail.")],
    kind: Annotated[CallerKind, typer.Option(help="What the client is.")],
    school: Annotated[str | None, typer.Option(help="The school of a school caller.")] = None,
    scope: Annotated[
        list[Scope] | None, typer.Option(help="Repeat for several; all it can hold if left out.")
    ] = None,
    minutes: Annotated[int, typer.Option(min=1, max=720, help="How long it is valid.")] = 60,
    data: DataOption = DEFAULT_DATA,
) -> None:
    """Print an access token for a school, an integrator or an operator."""
    if not client.strip():
        raise CallerError("a client needs a name; give one with --client")
    settings = settings_for(data)
    authority = TokenAuthority.from_key_file(
        settings.signing_key_file, settings.token_issuer, settings.token_audience
    )
    caller = Caller(
        client=client,
        kind=kind,
        scopes=frozenset(scope) if scope else GRANTABLE[kind],
        school_id=school,
    )
    print(authority.issue(caller, timedelta(minutes=minutes)))
