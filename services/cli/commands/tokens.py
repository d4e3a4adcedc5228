"""Commands for operators on the host: issue an access token, send a signed request."""

import sys
from datetime import timedelta
from pathlib import Path
from typing import Annotated

import typer

from services.cli.signing import ProofKey, TokenAuth
from services.cli.target import DEFAULT_DATA, DataOption, settings_for
from shared.access.rules import GRANTABLE, Caller, CallerError, CallerKind, Scope
from shared.oauth.tokens import MAX_LIFETIME, TokenAuthority

MAX_MINUTES = int(MAX_LIFETIME.total_seconds() // 60)

ClientOption = Annotated[
    str, typer.Option("--client", help="Name of the client, for the audit log.")
]
KindOption = Annotated[CallerKind, typer.Option("--kind", help="Kind of caller.")]
SchoolOption = Annotated[
    str | None, typer.Option("--school", help="School number, for --kind school.")
]
ScopeOption = Annotated[
    list[Scope] | None,
    typer.Option("--scope", help="Scope; repeatable. Default: every scope of the kind."),
]


def token(
    client: ClientOption,
    kind: KindOption,
    key: Annotated[
        Path, typer.Option(help="PEM file with the key to bind the token to; created if missing.")
    ],
    school: SchoolOption = None,
    scope: ScopeOption = None,
    minutes: Annotated[
        int, typer.Option(min=1, max=MAX_MINUTES, help="Lifetime in minutes.")
    ] = MAX_MINUTES,
    data: DataOption = DEFAULT_DATA,
) -> None:
    """Print an access token for a school, an integrator or an operator."""
    caller = _caller(client, kind, school, scope)
    authority = TokenAuthority.of(settings_for(data))
    print(authority.issue(caller, timedelta(minutes=minutes), ProofKey.in_file(key).thumbprint))


def call(
    method: Annotated[str, typer.Argument(help="GET, POST, PATCH, …")],
    path: Annotated[str, typer.Argument(help="Path, such as /v1/schools.")],
    client: ClientOption,
    kind: KindOption,
    school: SchoolOption = None,
    scope: ScopeOption = None,
    body: Annotated[str | None, typer.Option(help="JSON request body.")] = None,
    out: Annotated[Path | None, typer.Option(help="File for the response body.")] = None,
    data: DataOption = DEFAULT_DATA,
) -> None:
    """Send one request with an access token and a DPoP proof, and print the response."""
    import httpx

    settings = settings_for(data)
    authority, caller = TokenAuthority.of(settings), _caller(client, kind, school, scope)
    key = ProofKey()
    response = httpx.request(
        method.upper(),
        settings.public_url + path,
        content=body,
        headers={"Content-Type": "application/json"} if body is not None else {},
        auth=TokenAuth(lambda: authority.issue(caller, MAX_LIFETIME, key.thumbprint), key),
        timeout=60,
    )
    print(f"{response.status_code} {response.reason_phrase}", file=sys.stderr)
    if out is not None and response.is_success:
        out.write_bytes(response.content)
    else:
        print(response.text)
    raise typer.Exit(0 if response.is_success or response.is_redirect else 1)


def _caller(
    client: str, kind: CallerKind, school: str | None, scopes: list[Scope] | None
) -> Caller:
    if not client.strip():
        raise CallerError("the client has no name; give one with --client")
    return Caller(client, kind, frozenset(scopes) if scopes else GRANTABLE[kind], school)
