"""Commands for the audit log: verify its hash chains, print their heads."""

from pathlib import Path
from typing import Annotated

import typer

from services.cli.target import DEFAULT_DATA, DataOption, sessions_of, settings_for
from shared.audit import service
from shared.audit.head_exports import exported_heads, heads_as_json, heads_from_json
from shared.core.unit_of_work import UnitOfWork
from shared.storage.store import open_storage

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
    """Verify the hash chains of the audit log; exit 1 if an entry was changed, removed or moved.

    The chains must contain the heads that the service has exported to the object store.
    """
    settings = settings_for(data, "auditor")
    earlier_heads = exported_heads(open_storage(settings.storage_url))
    if since is not None:
        for chain, head in heads_from_json(since.read_bytes(), str(since)).items():
            earlier_heads[chain] = {*earlier_heads.get(chain, ()), head}
    found = 0
    with sessions_of(settings) as sessions, UnitOfWork(sessions) as unit:
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
    with sessions_of(settings_for(data, "auditor")) as sessions, UnitOfWork(sessions) as unit:
        heads = service.heads(unit.session)
    print(heads_as_json(heads).decode())
