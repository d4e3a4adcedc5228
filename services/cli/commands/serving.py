"""Commands that run the service: all of it, or one process against given servers."""

import re
from pathlib import Path
from typing import Annotated

import typer

from migrations.logins import create_logins, create_roles, passwords_in_environment
from migrations.upgrade import migrate
from services.cli.invented_persons import register_invented_persons
from services.cli.output import print_start
from services.cli.target import DEFAULT_DATA, DataOption, settings_for
from shared.core.database import open_engine, require_usable_database
from shared.core.logging import configure_logging
from shared.core.settings import Settings

REVISION = re.compile(r"\w{1,64}", re.ASCII)
OPENAPI_FILE = Path("openapi/openapi.yaml")


def up(
    data: DataOption = DEFAULT_DATA,
    port: Annotated[
        int | None, typer.Option(min=1, max=65_535, help="Port of the API. Default: a free port.")
    ] = None,
    workers: Annotated[int, typer.Option(min=1, max=64, help="Worker processes.")] = 2,
) -> None:
    """Start PostgreSQL, Valkey, the API and workers; stop them with Ctrl-C, keeping the data."""
    from embedded.up import run_up

    raise typer.Exit(run_up(data, api_port=port, workers=workers))


def api(
    port: Annotated[
        int | None, typer.Option(min=0, max=65_535, help="Overrides TOETSFEEDBACK_API_PORT.")
    ] = None,
) -> None:
    """Run the API against the servers in the environment."""
    from services.api.app import create_app
    from services.api.http.metrics import serve_metrics
    from services.api.http.server import serve

    settings = Settings.from_environment()
    configure_logging(settings.log_level, settings.log_lines_per_second, process="api")
    app = create_app(settings)
    require_usable_database(app.state.resources.engine)
    listens_at = settings.api_port if port is None else port
    with serve_metrics(app.state.metrics, settings.api_metrics_host, settings.api_metrics_port):
        serve(
            app,
            settings.api_host,
            listens_at,
            settings.api_drain_seconds,
            settings.api_keep_alive_seconds,
        )


def worker() -> None:
    """Run one worker process against the servers in the environment."""
    from services.worker.process import run_worker

    settings = Settings.from_environment()
    configure_logging(settings.log_level, settings.log_lines_per_second, process="worker")
    run_worker(settings)


def migrate_database(
    revision: Annotated[str, typer.Argument(help="Revision to migrate to.")] = "head",
    invent_persons: Annotated[
        Path | None,
        typer.Option(help="For development: register three persons, with keys in this directory."),
    ] = None,
    roles_only: Annotated[
        bool, typer.Option(help="Before a restore: create the roles and logins, and no tables.")
    ] = False,
    data: DataOption = DEFAULT_DATA,
) -> None:
    """Migrate the database to the newest schema, as its owner.

    Also create the login of each program whose password is in the environment:
    API_DATABASE_PASSWORD, WORKER_DATABASE_PASSWORD and so on.
    """
    if not REVISION.fullmatch(revision):
        raise typer.BadParameter("write head, or the id of a revision", param_hint="REVISION")
    print_start("migrate")
    settings = settings_for(data, "owner")
    owner_url, passwords = settings.database_url.get_secret_value(), passwords_in_environment()
    if roles_only:
        create_roles(owner_url)
        create_logins(owner_url, passwords)
        print("The roles exist. Restore the backup now, and then run `toetsfeedback migrate`.")
        return
    engine = open_engine(settings, application_name="toetsfeedback-migrate")
    try:
        migration = migrate(engine, revision)
    finally:
        engine.dispose()
    if invent_persons is not None:
        register_invented_persons(settings, invent_persons)
    create_logins(owner_url, passwords)
    print(migration)


def openapi(
    check: Annotated[bool, typer.Option(help="Only compare; exit 1 if the file differs.")] = False,
) -> None:
    """Write the OpenAPI document of the API to openapi/openapi.yaml."""
    from services.api.app import build_app
    from services.api.openapi import openapi_yaml

    served = openapi_yaml(build_app())
    if not check:
        OPENAPI_FILE.write_text(served, encoding="utf-8")
        print(f"Wrote {OPENAPI_FILE}.")
    elif not OPENAPI_FILE.exists() or OPENAPI_FILE.read_text(encoding="utf-8") != served:
        print(f"{OPENAPI_FILE} differs from the API: run `toetsfeedback openapi`.")
        raise typer.Exit(1)
    else:
        print(f"{OPENAPI_FILE} matches the API.")


def demo(
    out: Annotated[Path, typer.Option(help="Directory for the documents.")] = Path("demo-output"),
    schools: Annotated[int, typer.Option(min=2, help="Number of schools to generate.")] = 40,
) -> None:
    """Run every step from delivery to download on real servers, in a temporary directory."""
    from services.cli.demo import run_demo

    raise typer.Exit(run_demo(out, schools))
