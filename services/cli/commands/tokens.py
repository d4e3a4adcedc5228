"""Commands that speak to the API: print an access token, send a signed request.

They speak as the registered client of the operator. In development they also sign tokens of any
caller with the key of the service.
"""

import os
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from clients.python.http import open_client
from clients.python.proofs import ProofKey
from clients.python.token_auth import TokenAuth
from services.cli.identity import SCOPES, ClientIdentity, PersonOption
from services.cli.target import DEFAULT_DATA, DataOption, development_settings
from shared.access.rules import GRANTABLE, Caller, CallerError, CallerKind, Scope
from shared.oauth.tokens import MAX_LIFETIME, TokenAuthority

ClientOption = Annotated[
    str | None, typer.Option("--client", help="With --kind: name of the client, for the audit log.")
]
KindOption = Annotated[
    CallerKind | None,
    typer.Option(
        "--kind", help="Development only: sign a token for this kind of caller. Default: your own."
    ),
]
SchoolOption = Annotated[
    str | None, typer.Option("--school", help="School number, for --kind school.")
]
ScopeOption = Annotated[
    list[Scope] | None,
    typer.Option(
        "--scope",
        metavar="SCOPE",
        help=f"With --kind: scope; repeatable. Default: every scope of it. {SCOPES}",
    ),
]


def token(
    key: Annotated[
        Path, typer.Option(help="PEM file with the key to bind the token to; created if missing.")
    ],
    client: ClientOption = None,
    kind: KindOption = None,
    school: SchoolOption = None,
    scope: ScopeOption = None,
    person: PersonOption = 1,
    data: DataOption = DEFAULT_DATA,
) -> None:
    """Print an access token of your registered client."""
    proofs = ProofKey.in_file(key)
    _, obtain = _speaker(data, person, proofs, client, kind, school, scope)
    print(obtain())


def call(
    method: Annotated[str, typer.Argument(help="GET, POST, PATCH and so on.")],
    path: Annotated[str, typer.Argument(help="Path, such as /v1/schools.")],
    client: ClientOption = None,
    kind: KindOption = None,
    school: SchoolOption = None,
    scope: ScopeOption = None,
    body: Annotated[str | None, typer.Option(help="JSON request body.")] = None,
    out: Annotated[Path | None, typer.Option(help="File for the response body.")] = None,
    person: PersonOption = 1,
    data: DataOption = DEFAULT_DATA,
) -> None:
    """Send one request with an access token and a DPoP proof, and print the response."""
    _require_request_line(method, path)
    proofs = ProofKey()
    url, obtain = _speaker(data, person, proofs, client, kind, school, scope)
    headers = {"Content-Type": "application/json"} if body is not None else {}
    with open_client(url, TokenAuth(obtain, proofs)) as api:
        response = api.request(method.upper(), path, content=body, headers=headers)
    print(f"{response.status_code} {response.reason_phrase}", file=sys.stderr)
    if out is not None and response.is_success:
        _write_private(out, response.content)
    else:
        print(response.text)
    raise typer.Exit(0 if response.is_success or response.is_redirect else 1)


def _write_private(path: Path, content: bytes) -> None:
    """Write a response, which may name a student, to a file that its owner alone can read."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)


def _require_request_line(method: str, path: str) -> None:
    """Raise BadParameter for a request that HTTP does not allow, or that leaves this API."""
    if not re.fullmatch(r"[A-Za-z]{1,20}", method):
        raise typer.BadParameter("write a method of HTTP, such as GET", param_hint="METHOD")
    if not re.fullmatch(r"/(?!/)[^\s#\x00-\x1f\x7f]*", path):
        raise typer.BadParameter(
            "begin with one / and escape spaces, as in /v1/schools", param_hint="PATH"
        )


def _speaker(
    data: Path,
    person: int,
    proofs: ProofKey,
    client: str | None,
    kind: CallerKind | None,
    school: str | None,
    scopes: list[Scope] | None,
) -> tuple[str, Callable[[], str]]:
    """Return the address of the API, and the function that returns a token bound to `proofs`."""
    if kind is None:
        identity = ClientIdentity.find(data, person)
        return identity.url, lambda: identity.obtain_token(proofs)
    settings = development_settings(data)
    authority = TokenAuthority.of(settings)
    caller = _caller(client or "", kind, school, scopes)
    return settings.public_url, lambda: authority.issue(caller, MAX_LIFETIME, proofs.thumbprint)


def _caller(
    client: str, kind: CallerKind, school: str | None, scopes: list[Scope] | None
) -> Caller:
    if not client.strip():
        raise CallerError("the client has no name; give one with --client")
    return Caller(client, kind, frozenset(scopes) if scopes else GRANTABLE[kind], school)
