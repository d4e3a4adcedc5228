"""The operator's command line; each command is a thin door to the same use cases as the API."""

import sys
from collections.abc import Callable

import typer
from psycopg.errors import DiskFull
from sqlalchemy.exc import OperationalError

from embedded.errors import EmbeddedError
from services.cli.commands import audit, clients, deliveries, jobs, serving, tokens
from shared.access.rules import CallerError
from shared.core.errors import ConfigurationError, DomainError, InvalidInput

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Feedback of the Vlaamse toetsen: from a delivery to the documents a school may read.",
)

COMMANDS: dict[str, Callable[..., object]] = {
    "up": serving.up,
    "api": serving.api,
    "worker": serving.worker,
    "migrate": serving.migrate_database,
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
GROUPS = {"audit": audit.app, "client": clients.app}
for name, command in COMMANDS.items():
    app.command(name)(command)
for name, group in GROUPS.items():
    app.add_typer(group, name=name)

REFUSED = (
    ConfigurationError,
    EmbeddedError,
    CallerError,
    DomainError,
    FileNotFoundError,
    FileExistsError,
)


OPTIONS = {
    "administration_id": "administration",
    "keys": "key",
    "school_id": "school",
    "scopes": "scope",
}
"""Options that have another name than the field of the use case."""


def main() -> None:
    """Errors that a person can mend come out as one line, not as a traceback."""
    try:
        app()
    except OperationalError as error:
        print(f"toetsfeedback: {_what_ails_the_database(error)}", file=sys.stderr)
        sys.exit(1)
    except REFUSED as error:
        print(f"toetsfeedback: {_message_of(error)}", file=sys.stderr)
        sys.exit(1)


def _message_of(error: Exception) -> str:
    """Return the text of an error, with the option whose value cannot be used."""
    if not isinstance(error, InvalidInput) or not error.field:
        return str(error)
    field = str(error.field[0])
    option = OPTIONS.get(field, field).replace("_", "-")
    return f"--{option}: {error.detail}"


def _what_ails_the_database(error: OperationalError) -> str:
    if isinstance(error.orig, DiskFull):
        return "the disk of the database is full; make room on it, and try again"
    return "the database cannot be reached; see that it runs where TOETSFEEDBACK_DATABASE_URL says"


if __name__ == "__main__":
    main()
