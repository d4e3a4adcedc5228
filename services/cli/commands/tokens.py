"""Commands for whoever runs the service: an access token, and a request that is signed with one."""

import sys
from datetime import timedelta
from pathlib import Path
from typing import Annotated

import typer

from services.cli.signing import ProofKey, TokenAuth
from services.cli.target import DEFAULT_DATA, DataOption, settings_for
from shared.access.rules import GRANTABLE, Caller, CallerError, CallerKind, Scope, needs_proof
from shared.oauth.tokens import MAX_LIFETIME, TokenAuthority

MOST_MINUTES = int(MAX_LIFETIME.total_seconds() // 60)

ClientOption = Annotated[str, typer.Option("--client", help="Name of the client, for the trail.")]
KindOption = Annotated[CallerKind, typer.Option("--kind", help="What the client is.")]
SchoolOption = Annotated[
    str | None, typer.Option("--school", help="The school of a school caller.")
]
ScopeOption = Annotated[
    list[Scope] | None,
    typer.Option("--scope", help="Repeat for several; all it can hold if left out."),
]


def token(
    client: ClientOption,
    kind: KindOption,
    school: SchoolOption = None,
    scope: ScopeOption = None,
    key: Annotated[
        Path | None,
        typer.Option(help="PEM file of the key the token is bound to; made if it is not there."),
    ] = None,
    minutes: Annotated[
        int, typer.Option(min=1, max=MOST_MINUTES, help="How long it is valid.")
    ] = MOST_MINUTES,
    data: DataOption = DEFAULT_DATA,
) -> None:
    """Print an access token for a school, an integrator or an operator."""
    caller = _caller(client, kind, school, scope)
    if key is None and needs_proof(caller.scopes):
        raise CallerError(
            "a token with these scopes is bound to a key; name a file for it with --key, or make "
            "the request with `toetsfeedback call`"
        )
    thumbprint = ProofKey.in_file(key).thumbprint if key else None
    authority = TokenAuthority.of(settings_for(data))
    print(authority.issue(caller, timedelta(minutes=minutes), thumbprint))


def call(
    method: Annotated[str, typer.Argument(help="GET, POST, PATCH, …")],
    path: Annotated[str, typer.Argument(help="Path of the API, such as /v1/schools.")],
    client: ClientOption,
    kind: KindOption,
    school: SchoolOption = None,
    scope: ScopeOption = None,
    body: Annotated[str | None, typer.Option(help="JSON to send.")] = None,
    out: Annotated[Path | None, typer.Option(help="File for the answer.")] = None,
    data: DataOption = DEFAULT_DATA,
) -> None:
    """Make one request to the API with a token and a proof, and print the answer."""
    import httpx

    settings = settings_for(data)
    authority, caller = TokenAuthority.of(settings), _caller(client, kind, school, scope)
    key = ProofKey() if needs_proof(caller.scopes) else None
    thumbprint = key.thumbprint if key else None
    answer = httpx.request(
        method.upper(),
        settings.public_url + path,
        content=body,
        headers={"Content-Type": "application/json"} if body is not None else {},
        auth=TokenAuth(lambda: authority.issue(caller, MAX_LIFETIME, thumbprint), key),
        timeout=60,
    )
    print(f"{answer.status_code} {answer.reason_phrase}", file=sys.stderr)
    if out is not None and answer.is_success:
        out.write_bytes(answer.content)
    else:
        print(answer.text)
    raise typer.Exit(0 if answer.is_success or answer.is_redirect else 1)


def _caller(
    client: str, kind: CallerKind, school: str | None, scopes: list[Scope] | None
) -> Caller:
    if not client.strip():
        raise CallerError("a client needs a name; give one with --client")
    return Caller(client, kind, frozenset(scopes) if scopes else GRANTABLE[kind], school)
