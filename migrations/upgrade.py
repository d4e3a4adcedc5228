"""Migration of a database to the latest schema, or to a given revision."""

from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from sqlalchemy import Engine, text

import migrations
from shared.core.schema import require_known_revision, require_rules

MIGRATION_LOCK = 7_061_002
"""Key of the advisory lock that serializes migrations."""


def migrate(engine: Engine, revision: str = "head", *, check: bool = True) -> None:
    """Apply the migrations up to `revision` in one transaction.

    `check=False` is for `make schema`, which writes the snapshot that the check compares with.

    Raises:
        ConfigurationError: the database cannot be used, or would not have the rules of access of
            the newest schema; it is unchanged.
    """
    with engine.begin() as connection:
        driver: Any = connection.connection.driver_connection
        connection.execute(text("select pg_advisory_xact_lock(:key)"), {"key": MIGRATION_LOCK})
        if check:
            require_known_revision(driver)
        command.upgrade(alembic_config(connection), revision)
        if check and revision == "head":
            require_rules(driver)


def alembic_config(connection: object) -> Config:
    """Return the configuration of Alembic for the packaged migrations on an open connection."""
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))
    config.set_main_option("file_template", "%%(year)d%%(month).2d%%(day).2d_%%(slug)s")
    config.attributes["connection"] = connection
    return config
