"""Commands that run the service: all of it, or one process against given servers."""

import os
import re
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from clients.python.proofs import ProofKey
from embedded.data_directory import DataDirectory
from embedded.portal_programs import (
    DEFAULT_SCHOOL,
    PORTAL_CLIENT,
    PORTAL_KEY,
    PORTAL_URL,
    PROVIDER_KEY,
    has_portal,
)
from embedded.ports import LOOPBACK
from migrations.logins import create_logins, create_roles, logins_of, passwords_in_environment
from migrations.statistics import RESTRICT, STATISTICS_COMMAND, restrict_statistics
from migrations.upgrade import migrate
from services.cli.invented_persons import register_invented_persons
from services.cli.output import print_start
from services.cli.target import DEFAULT_DATA, DataOption, development_settings, settings_for
from shared.core.database import open_engine, require_usable_database
from shared.core.errors import ConfigurationError
from shared.core.logging import configure_logging
from shared.core.settings import Settings

REVISION = re.compile(r"\w{1,64}", re.ASCII)
LOG_LINES_PER_SECOND = 100
DEMO_SCHOOLS = 12
OPENAPI_FILE = Path("openapi/openapi.yaml")


def up(
    data: DataOption = DEFAULT_DATA,
    port: Annotated[
        int | None, typer.Option(min=1, max=65_535, help="Port of the API. Default: a free port.")
    ] = None,
    workers: Annotated[int, typer.Option(min=1, max=64, help="Worker processes.")] = 2,
    demo: Annotated[
        bool, typer.Option("--demo", help="Development only: load generated schools, released.")
    ] = False,
) -> None:
    """Start PostgreSQL, Valkey, the API, workers and the portal; stop them with Ctrl-C.

    The data stay. The portal is started where PostgreSQL is, for development.
    """
    from embedded.up import run_up
    from services.cli.demo_data import load_in_background

    if demo and not has_portal():
        raise ConfigurationError(
            "--demo needs a PostgreSQL and a provider of its own: unset "
            "TOETSFEEDBACK_DATABASE_URL and TOETSFEEDBACK_USER_PROVIDER_FILE"
        )
    ready = partial(load_in_background, schools=DEMO_SCHOOLS) if demo else None
    raise typer.Exit(run_up(data, api_port=port, workers=workers, ready=ready))


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


def portal(
    port: Annotated[
        int | None,
        typer.Option(min=0, max=65_535, help="Overrides TOETSFEEDBACK_PORTAL_PORT."),
    ] = None,
) -> None:
    """Run the portal for people at schools, against the API in the environment."""
    from services.portal.process import run_portal
    from services.portal.settings import PortalSettings

    settings = PortalSettings.from_environment()
    configure_logging("INFO", LOG_LINES_PER_SECOND, process="portal")
    run_portal(settings, port)


def provider(
    port: Annotated[int, typer.Option(min=1, max=65_535, help="Port on loopback.")],
    data: DataOption = DEFAULT_DATA,
) -> None:
    """Development only: run the OpenID provider of invented people, of an instance of `up`."""
    from embedded.openid_provider.app import ProviderClient
    from embedded.openid_provider.process import run_provider

    development_settings(data)
    keys = DataDirectory(data).keys
    key = ProofKey.in_file(keys / PORTAL_KEY).key
    client = ProviderClient(PORTAL_CLIENT, os.environ[PORTAL_URL], key)
    ProofKey.in_file(keys / PROVIDER_KEY)
    issuer = f"http://{LOOPBACK}:{port}"
    run_provider(issuer, port, keys / PROVIDER_KEY, client, keys / DEFAULT_SCHOOL)


def migrate_database(
    revision: Annotated[str, typer.Argument(help="Revision to migrate to.")] = "head",
    invent_persons: Annotated[
        Path | None,
        typer.Option(help="For development: register three persons, with keys in this directory."),
    ] = None,
    roles_only: Annotated[
        bool,
        typer.Option(
            show_default=False, help="Before a restore: create the roles and logins, and no tables."
        ),
    ] = False,
    statistics_only: Annotated[
        bool,
        typer.Option(
            show_default=False,
            help="Print the statement with which a superuser takes statistics of what others "
            "write from the logins, and do nothing else.",
        ),
    ] = False,
    data: DataOption = DEFAULT_DATA,
) -> None:
    """Migrate the database to the newest schema, as its owner.

    Also create the login of each program whose password is in the environment:
    API_DATABASE_PASSWORD, WORKER_DATABASE_PASSWORD and so on.
    """
    if statistics_only:
        print(RESTRICT)
        return
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
    readable = restrict_statistics(owner_url, logins_of(owner_url))
    if readable:
        print(
            f"The logins of programs can read how much others write, in {', '.join(readable)}. "
            f"As a superuser, in each of these: {STATISTICS_COMMAND}"
        )


def openapi(
    check: Annotated[
        bool, typer.Option(show_default=False, help="Only compare; exit 1 if the file differs.")
    ] = False,
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
