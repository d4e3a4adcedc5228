"""The instance of a command: the servers in the environment, or one that `up` runs."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from embedded.data_directory import DataDirectory
from shared.access.requests import AccessRequest
from shared.access.rules import Caller, CallerKind, Reach
from shared.core.database import Sessions, open_engine, refuse_other_schemas, session_factory
from shared.core.errors import ConfigurationError
from shared.core.settings import Settings

DEFAULT_DATA = Path("toetsfeedback-data")

DataOption = Annotated[
    Path, typer.Option("--data", help="Data directory of the instance that `up` runs.")
]


def settings_for(data: Path, program: str = "operator") -> Settings:
    """Return the settings of the environment, or those of the instance in `data`.

    The environment wins if it sets TOETSFEEDBACK_DATABASE_URL. An instance has a database login
    per program; `program` selects it, and may be `owner`.

    Raises:
        ConfigurationError: the environment sets no database and no instance runs in `data`.
    """
    if "TOETSFEEDBACK_DATABASE_URL" not in os.environ:
        instance = DataDirectory(data).read_running()
        if instance is None:
            raise ConfigurationError(
                f"no instance runs in {data}: start it with `toetsfeedback up --data {data}`, or "
                "set TOETSFEEDBACK_DATABASE_URL and the other variables of docs/reference.md"
            )
        return replace(instance, environment=instance.environment_of(program)).settings()
    return Settings.from_environment()


def development_settings(data: Path, program: str = "owner") -> Settings:
    """Return a program's settings in an instance of which `up` started PostgreSQL itself.

    Raises:
        ConfigurationError: the instance is of another kind.
    """
    instance = DataDirectory(data).read_running()
    if instance is None or not instance.is_development:
        raise ConfigurationError(
            f"`up` runs no PostgreSQL of its own in {data}: only in such an instance, which is for "
            "development, does the command line sign tokens with the key of the service. Leave out "
            "--kind to call the API with your registered client"
        )
    return replace(instance, environment=instance.environment_of(program)).settings()


@contextmanager
def sessions_of(settings: Settings) -> Iterator[Sessions]:
    """Open the database for one command; yield its session factory."""
    engine = open_engine(settings, application_name="toetsfeedback-cli")
    refuse_other_schemas(engine)
    try:
        yield session_factory(engine)
    finally:
        engine.dispose()


OPERATOR_REQUEST = AccessRequest(
    caller=Caller("cli", CallerKind.OPERATOR, frozenset()),
    action="cli",
    resource="",
    trace_id=None,
    reach=Reach(None),
)
"""The access request of a command, for the audit log of what it changes."""
