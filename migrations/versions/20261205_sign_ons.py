"""sign-on: when the provider issued the token of a sign-on, so that an earlier one widens nothing.

Sign-ons of before count as the earliest; they expire within minutes.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "20261205_sign_ons"
down_revision: str | None = "20261204_access_of_logins"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

API = "toetsfeedback_api"
COLUMN = sa.Column(
    "issued_at",
    sa.TIMESTAMP(timezone=True),
    nullable=False,
    server_default=sa.text("to_timestamp(0)"),
)


def upgrade() -> None:
    op.add_column("sign_ons", COLUMN)
    op.alter_column("sign_ons", "issued_at", server_default=None)
    for privilege in ("select", "insert", "update"):
        op.execute(f"grant {privilege} (issued_at) on sign_ons to {API}")


def downgrade() -> None:
    op.drop_column("sign_ons", "issued_at")
