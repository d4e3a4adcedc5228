"""Commands that run things: everything at once, or one part against given servers."""

from pathlib import Path
from typing import Annotated

import typer

from migrations.logins import create_logins, passwords_in_environment
from migrations.upgrade import migrate
from services.cli.target import DEFAULT_DATA, DataOption, settings_for
from shared.core.database import open_engine
from shared.core.logging import configure_logging
from shared.core.settings import Settings

OPENAPI_FILE = Path("openapi/openapi.yaml")


def up(
    data: DataOption = DEFAULT_DATA,
    port: Annotated[
        int | None, typer.Option(help="Port of the API; a free one when left out.")
    ] = None,
    workers: Annotated[int, typer.Option(min=1, help="Worker processes.")] = 2,
) -> None:
    """Start PostgreSQL, Valkey, the API and workers; Ctrl-C stops them and keeps the data."""
    from embedded.up import run_up

    raise typer.Exit(run_up(data, api_port=port, workers=workers))


def api(
    port: Annotated[int | None, typer.Option(help="Overrides TOETSFEEDBACK_API_PORT.")] = None,
) -> None:
    """Run the API against the servers named in the environment."""
    import uvicorn

    from services.api.app import create_app
    from services.api.http.protocol import ProblemProtocol

    settings = Settings.from_environment()
    configure_logging(settings.log_level, process="api")
    app = create_app(settings)
    app.state.parts.require_harmless_login()
    uvicorn.run(
        app,
        host=settings.api_host,
        port=settings.api_port if port is None else port,
        http=ProblemProtocol,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=5,
    )


def worker() -> None:
    """Run one worker process against the servers named in the environment."""
    from services.worker.process import run_worker

    settings = Settings.from_environment()
    configure_logging(settings.log_level, process="worker")
    run_worker(settings)


def migrate_database(
    revision: Annotated[str, typer.Argument(help="Revision to migrate to.")] = "head",
    data: DataOption = DEFAULT_DATA,
) -> None:
    """Bring the database to the newest schema, as its owner.

    Also makes the login of each program whose password is in the environment, as
    API_DATABASE_PASSWORD, WORKER_DATABASE_PASSWORD and so on.
    """
    settings = settings_for(data, "owner")
    engine = open_engine(settings, application_name="toetsfeedback-migrate")
    migrate(engine, revision)
    engine.dispose()
    create_logins(settings.database_url.get_secret_value(), passwords_in_environment())
    print(f"The database is at revision {revision}.")


def openapi(
    check: Annotated[bool, typer.Option(help="Only compare; exit 1 when it differs.")] = False,
) -> None:
    """Write the contract that the API serves to openapi/openapi.yaml."""
    from services.api.openapi import describe_api

    served = describe_api()
    if not check:
        OPENAPI_FILE.write_text(served, encoding="utf-8")
        print(f"Wrote {OPENAPI_FILE}.")
    elif not OPENAPI_FILE.exists() or OPENAPI_FILE.read_text(encoding="utf-8") != served:
        print(f"{OPENAPI_FILE} is not what the API serves: run `toetsfeedback openapi`.")
        raise typer.Exit(1)
    else:
        print(f"{OPENAPI_FILE} is what the API serves.")


def demo(
    out: Annotated[Path, typer.Option(help="Where the documents are put.")] = Path("demo-output"),
    schools: Annotated[int, typer.Option(min=1, help="Schools to generate.")] = 40,
) -> None:
    """Walk the whole chain with real parts in a throw-away directory."""
    from services.cli.demo import run_demo

    raise typer.Exit(run_demo(out, schools))
