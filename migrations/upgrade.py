"""Brings a database to the newest schema, or to a named revision."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Engine, text

import migrations

MIGRATION_LOCK = 7_061_002
"""Advisory lock that lets one process migrate at a time."""


def migrate(engine: Engine, revision: str = "head") -> None:
    """Applies every migration up to `revision` in one transaction, or none of them."""
    with engine.begin() as connection:
        connection.execute(text("select pg_advisory_xact_lock(:key)"), {"key": MIGRATION_LOCK})
        command.upgrade(alembic_config(connection), revision)


def alembic_config(connection: object) -> Config:
    """Alembic's configuration for the packaged migrations on an open connection."""
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))
    config.set_main_option("file_template", "%%(year)d%%(month).2d%%(day).2d_%%(slug)s")
    config.attributes["connection"] = connection
    return config
