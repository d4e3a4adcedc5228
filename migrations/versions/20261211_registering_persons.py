"""registering persons: a viewing officer gets a duty from another person than its client.

One person who did both would read names at the desk, and which answers were right. Who registered
the clients that exist already is not known.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "20261211_registering_persons"
down_revision: str | None = "20261211_stored_students"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

API = "toetsfeedback_api"


def upgrade() -> None:
    op.add_column("clients", sa.Column("registered_by", sa.Uuid(), nullable=True))
    op.create_foreign_key(
        op.f("fk_clients_registered_by_persons"), "clients", "persons", ["registered_by"], ["id"]
    )
    op.execute(f"grant select (registered_by), insert (registered_by) on clients to {API}")


def downgrade() -> None:
    op.drop_column("clients", "registered_by")
