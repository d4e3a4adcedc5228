"""students of stored responses: a repeated request gets them only while its caller reaches them.

Also who read them again is in the audit log. Of the responses that are stored already, those with
names are removed.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY

revision: str = "20261211_stored_students"
down_revision: str | None = "20261211_several_schools"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

API = "toetsfeedback_api"


def upgrade() -> None:
    op.execute("""delete from stored_responses where body like '%"familyName"%'""")
    op.add_column(
        "stored_responses",
        sa.Column("students", ARRAY(sa.Uuid()), server_default=sa.text("'{}'"), nullable=False),
    )
    op.execute(f"grant select (students), insert (students) on stored_responses to {API}")


def downgrade() -> None:
    op.drop_column("stored_responses", "students")
