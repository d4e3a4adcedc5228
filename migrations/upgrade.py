"""Migration of a database to the latest schema, or to a given revision."""

from pathlib import Path
from typing import Any, NamedTuple

from alembic import command
from alembic.config import Config
from sqlalchemy import Engine, text

import migrations
from shared.core.schema import (
    expected_snapshot,
    read_revision,
    require_known_revision,
    require_rules,
)

MIGRATION_LOCK = 7_061_002
"""Key of the advisory lock that serializes migrations."""


class Migration(NamedTuple):
    """The revisions of the schema before and after; None for that of an empty database."""

    before: str | None
    after: str | None

    def __str__(self) -> str:
        if self.before == self.after:
            return f"The schema is at revision {self.after} already."
        if self.before is None:
            return f"Migrated an empty database to revision {self.after}."
        steps = ", ".join(self.applied)
        return f"Migrated from revision {self.before} to {self.after}. Applied: {steps}."

    @property
    def applied(self) -> list[str]:
        """The revisions that were applied, in their order."""
        known = expected_snapshot().revisions
        first = known.index(self.before) + 1 if self.before in known else 0
        return list(known[first : known.index(self.after) + 1]) if self.after in known else []


def migrate(engine: Engine, revision: str = "head", *, check: bool = True) -> Migration:
    """Apply the migrations up to `revision` in one transaction; return which ones.

    `check=False` is for `make schema`, which writes the snapshot that the check compares with.

    Raises:
        ConfigurationError: the database cannot be used, or would not have the rules of access of
            the newest schema; it is unchanged.
    """
    with engine.begin() as connection:
        driver: Any = connection.connection.driver_connection
        connection.execute(text("select pg_advisory_xact_lock(:key)"), {"key": MIGRATION_LOCK})
        before = require_known_revision(driver) if check else None
        command.upgrade(alembic_config(connection), revision)
        if check and revision == "head":
            require_rules(driver)
        return Migration(before, read_revision(driver))


def alembic_config(connection: object) -> Config:
    """Return the configuration of Alembic for the packaged migrations on an open connection."""
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))
    config.set_main_option("file_template", "%%(year)d%%(month).2d%%(day).2d_%%(slug)s")
    config.attributes["connection"] = connection
    return config
