"""The command line for operators; commands call the API, or the same use cases as the API."""

import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Annotated

import typer

from services.cli.commands import audit, clients, deliveries, jobs, persons, serving, tokens
from services.cli.commands.doctor import doctor
from services.cli.errors import explain
from services.cli.output import discard_unwritten, prepare_streams
from shared.core.version import package_version

app = typer.Typer(no_args_is_help=True, pretty_exceptions_enable=False)

COMMANDS: dict[str, Callable[..., object]] = {
    "up": serving.up,
    "api": serving.api,
    "worker": serving.worker,
    "migrate": serving.migrate_database,
    "doctor": doctor,
    "generate": deliveries.generate,
    "import": deliveries.import_path,
    "build": jobs.build,
    "jobs": jobs.list_jobs,
    "release": jobs.release,
    "token": tokens.token,
    "call": tokens.call,
    "openapi": serving.openapi,
    "demo": serving.demo,
}
GROUPS = {"audit": audit.app, "client": clients.app, "person": persons.app}
for name, command in COMMANDS.items():
    app.command(name)(command)
for name, group in GROUPS.items():
    app.add_typer(group, name=name)


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
    prepare_streams()
    try:
        app()
    except Exception as error:  # noqa: BLE001  # a traceback may quote data
        with suppress(OSError):
            print(f"toetsfeedback: {explain(error)}", file=sys.stderr)
        sys.exit(1)
    finally:
        discard_unwritten()


if __name__ == "__main__":
    main()
