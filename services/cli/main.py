"""The command line for operators; commands call the API, or the same use cases as the API."""

import sys
from collections.abc import Callable

import typer
from httpx import TransportError
from psycopg.errors import DiskFull, InsufficientPrivilege
from sqlalchemy.exc import OperationalError, ProgrammingError

from embedded.errors import EmbeddedError
from services.cli.commands import audit, clients, deliveries, jobs, persons, serving, tokens
from services.cli.commands.doctor import doctor
from shared.access.rules import CallerError
from shared.core.errors import ConfigurationError, DomainError, InvalidInput

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Deliver the feedback of the Vlaamse toetsen: import results, build documents, release.",
)

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

USER_ERRORS = (
    ConfigurationError,
    EmbeddedError,
    CallerError,
    DomainError,
    FileNotFoundError,
    FileExistsError,
)

NOT_ALLOWED = (
    "the database login may not do this; use the login of the database owner, as for `migrate`"
)

OPTIONS = {
    "administration_id": "administration",
    "keys": "key",
    "school_id": "school",
    "scopes": "scope",
}
"""Fields of the use cases whose option has another name."""


def main() -> None:
    """Run a command; print an error that the user can fix as one line, without a traceback."""
    try:
        app()
    except OperationalError as error:
        print(f"toetsfeedback: {_explain_database_error(error)}", file=sys.stderr)
        sys.exit(1)
    except TransportError:
        print("toetsfeedback: the API does not respond; check its address", file=sys.stderr)
        sys.exit(1)
    except ProgrammingError as error:
        if not isinstance(error.orig, InsufficientPrivilege):
            raise
        print(f"toetsfeedback: {NOT_ALLOWED}", file=sys.stderr)
        sys.exit(1)
    except USER_ERRORS as error:
        print(f"toetsfeedback: {_message_of(error)}", file=sys.stderr)
        sys.exit(1)


def _message_of(error: Exception) -> str:
    """Return the text of an error, preceded by the option whose value is invalid."""
    if not isinstance(error, InvalidInput) or not error.field:
        return str(error)
    field = str(error.field[0])
    option = OPTIONS.get(field, field).replace("_", "-")
    return f"--{option}: {error.detail}"


def _explain_database_error(error: OperationalError) -> str:
    if isinstance(error.orig, DiskFull):
        return "the disk of the database is full; free some space and try again"
    return "the database is unreachable; check that it runs at TOETSFEEDBACK_DATABASE_URL"


if __name__ == "__main__":
    main()
