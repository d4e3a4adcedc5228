"""Write shared/core/schema.json from a database that the migrations build: `make schema`."""

import tempfile
from pathlib import Path

import psycopg
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine

from embedded.servers import embedded_servers
from migrations.upgrade import alembic_config, migrate
from shared.core.schema import Snapshot, read_rules


def snapshot_of(database_url: str) -> Snapshot:
    """Return the snapshot of a migrated database."""
    scripts = ScriptDirectory.from_config(alembic_config(None))
    revisions = tuple(script.revision for script in scripts.walk_revisions())[::-1]
    with psycopg.connect(database_url) as connection:
        return Snapshot(revisions, read_rules(connection))


def main() -> None:
    target = Path(__file__).parents[2] / "shared" / "core" / "schema.json"
    with tempfile.TemporaryDirectory() as directory, embedded_servers(Path(directory)) as servers:
        url = servers.database_url
        engine = create_engine(url.replace("postgresql://", "postgresql+psycopg://"))
        migrate(engine, check=False)
        engine.dispose()
        target.write_text(snapshot_of(url).as_json(), encoding="utf-8")


if __name__ == "__main__":
    main()
