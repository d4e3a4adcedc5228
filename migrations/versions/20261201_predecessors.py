"""predecessors: a school can succeed several, as after a merger.

A downgrade keeps the first predecessor of each school.
"""

from collections.abc import Sequence

from alembic import op

revision: str = "20261201_predecessors"
down_revision: str | None = "20261203_locks"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

CHECK = "ck_schools_successor_of_six_digits"
CHANGE = "alter table schools alter column successor_of type {} using {}"
SEVERAL = "case when successor_of is not null then array[successor_of] end"


def upgrade() -> None:
    op.drop_constraint(op.f(CHECK), "schools")
    op.execute(CHANGE.format("varchar(6)[]", SEVERAL))
    condition = "array_to_string(successor_of, '|', '') ~ '^[0-9]{6}([|][0-9]{6})*$'"
    op.create_check_constraint(op.f(CHECK), "schools", condition)


def downgrade() -> None:
    op.drop_constraint(op.f(CHECK), "schools")
    op.execute(CHANGE.format("varchar(6)", "successor_of[1]"))
    op.create_check_constraint(op.f(CHECK), "schools", "successor_of ~ '^[0-9]{6}$'")
