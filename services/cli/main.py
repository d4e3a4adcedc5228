"""The command line for operators; commands call the API, or the same use cases as the API."""

import gc
import sys
from contextlib import suppress
from typing import Annotated

import typer

from services.cli.lazy_commands import lazy_group
from services.cli.output import discard_unwritten, prepare_streams
from shared.core.version import package_version

COMMANDS = {
    "up": "serving:up",
    "api": "serving:api",
    "worker": "serving:worker",
    "portal": "serving:portal",
    "provider": "serving:provider",
    "migrate": "serving:migrate_database",
    "doctor": "doctor:doctor",
    "generate": "deliveries:generate",
    "import": "deliveries:import_path",
    "build": "jobs:build",
    "compute": "jobs:compute",
    "jobs": "jobs:list_jobs",
    "token": "tokens:token",
    "call": "tokens:call",
    "openapi": "serving:openapi",
    "demo": "serving:demo",
}
GROUPS = {
    "audit": "audit:app",
    "client": "clients:app",
    "person": "persons:app",
    "release": "releases:app",
    "viewing": "viewings:app",
}
"""The module and the name of each command and group in `services.cli.commands`."""

GC_THRESHOLD = 100_000
"""Objects between collections of garbage: imports create many objects and next to no garbage."""

_PLACES = {name: f"services.cli.commands.{one}" for name, one in (COMMANDS | GROUPS).items()}
app = typer.Typer(
    cls=lazy_group(_PLACES),
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


def _print_version(requested: bool) -> None:
    if requested:
        print(f"toetsfeedback {package_version()}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version."
        ),
    ] = False,
) -> None:
    """Deliver the feedback of the Vlaamse toetsen: import results, build documents, release."""


def main() -> None:
    """Run a command; print an error as one line with its remedy, without a traceback."""
    gc.set_threshold(GC_THRESHOLD)
    prepare_streams()
    try:
        app()
    except Exception as error:  # noqa: BLE001  # a traceback may quote data
        from services.cli.errors import explain

        with suppress(OSError):
            print(f"toetsfeedback: {explain(error)}", file=sys.stderr)
        sys.exit(1)
    finally:
        discard_unwritten()


if __name__ == "__main__":
    main()
