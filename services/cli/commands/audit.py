"""Commands for the audit log: verify its hash chains, export their heads."""

import json
from pathlib import Path
from typing import Annotated

import typer

from services.cli.target import DEFAULT_DATA, DataOption, sessions_of, settings_for
from shared.audit import service
from shared.audit.rules import Head
from shared.core.errors import ConfigurationError
from shared.core.unit_of_work import UnitOfWork

app = typer.Typer(no_args_is_help=True, help="Verify the audit log.")

SHOWN_FAULTS = 1_000


@app.command()
def verify(
    since: Annotated[
        Path | None,
        typer.Option(help="File with heads that `audit heads` printed earlier; also verify those."),
    ] = None,
    data: DataOption = DEFAULT_DATA,
) -> None:
    """Verify the hash chains of the audit log; exit 1 if an entry was changed, removed or moved."""
    earlier_heads = {} if since is None else _read_heads(since)
    found = 0
    with sessions_of(settings_for(data)) as sessions, UnitOfWork(sessions) as unit:
        for chain, fault in service.verify(unit.session, earlier_heads):
            found += 1
            if found <= SHOWN_FAULTS:
                print(f"{f'School {chain}' if chain else 'Chain without a school'}: {fault}.")
        heads = service.heads(unit.session)
    entries = sum(head.events for head in heads.values())
    print(f"{entries:,} entries in {len(heads):,} chains; {found:,} faults.")
    if found:
        raise typer.Exit(1)


@app.command("heads")
def print_heads(data: DataOption = DEFAULT_DATA) -> None:
    """Print the head of each chain as JSON; store it out of reach of this service's operators."""
    with sessions_of(settings_for(data)) as sessions, UnitOfWork(sessions) as unit:
        heads = service.heads(unit.session)
    print(json.dumps({chain: head.as_json() for chain, head in sorted(heads.items())}, indent=2))


def _read_heads(path: Path) -> dict[str, Head]:
    try:
        heads = json.loads(path.read_text(encoding="utf-8"))
        return {chain: Head.from_json(head) for chain, head in heads.items()}
    except (ValueError, KeyError, TypeError, AttributeError):
        raise ConfigurationError(
            f"{path} contains no heads; give a file that `toetsfeedback audit heads` printed"
        ) from None
