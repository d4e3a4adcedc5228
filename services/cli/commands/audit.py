"""Commands around the trail: check that it is whole, and print what to keep of it elsewhere."""

import json
from pathlib import Path
from typing import Annotated

import typer

from services.cli.target import DEFAULT_DATA, DataOption, sessions_of, settings_for
from shared.audit import service
from shared.audit.rules import Head
from shared.core.errors import ConfigurationError
from shared.core.unit_of_work import UnitOfWork

app = typer.Typer(no_args_is_help=True, help="Check the trail.")

SHOWN_FAULTS = 1_000


@app.command()
def verify(
    since: Annotated[
        Path | None,
        typer.Option(help="Heads printed earlier: what was there then must be there still."),
    ] = None,
    data: DataOption = DEFAULT_DATA,
) -> None:
    """Look for entries that were changed, removed or moved; exit 1 when there are any."""
    kept = {} if since is None else _read_heads(since)
    found = 0
    with sessions_of(settings_for(data)) as sessions, UnitOfWork(sessions) as unit:
        for chain, fault in service.verify(unit.session, kept):
            found += 1
            if found <= SHOWN_FAULTS:
                print(f"{f'School {chain}' if chain else 'About no school'}: {fault}.")
        heads = service.heads(unit.session)
    entries = sum(head.events for head in heads.values())
    print(f"{entries:,} entries in {len(heads):,} chains; {found:,} faults.")
    if found:
        raise typer.Exit(1)


@app.command("heads")
def print_heads(data: DataOption = DEFAULT_DATA) -> None:
    """Print the end of every chain as JSON, to be kept where nobody who runs this can change it."""
    with sessions_of(settings_for(data)) as sessions, UnitOfWork(sessions) as unit:
        heads = service.heads(unit.session)
    print(json.dumps({chain: head.as_json() for chain, head in sorted(heads.items())}, indent=2))


def _read_heads(path: Path) -> dict[str, Head]:
    try:
        kept = json.loads(path.read_text(encoding="utf-8"))
        return {chain: Head.from_json(head) for chain, head in kept.items()}
    except (ValueError, KeyError, TypeError, AttributeError):
        raise ConfigurationError(
            f"{path} holds no heads; name a file that `toetsfeedback audit heads` wrote"
        ) from None
