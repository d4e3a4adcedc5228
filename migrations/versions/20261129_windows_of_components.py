"""windows of components: a window covers its component in whatever target group it is.

The upgrade fails while a component has windows under two target groups that overlap: delete the
one with the target group that the component no longer belongs to first.
"""

from collections.abc import Sequence

from alembic import op

revision: str = "20261129_windows_of_components"
down_revision: str | None = "20261129_products"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

API, IMPORTER = "toetsfeedback_api", "toetsfeedback_importer"
WINDOWS = "release_windows"
WITHIN = "ck_release_windows_component_within_target_group"
EITHER = "ck_release_windows_target_group_or_component"
IS_OPERATOR = "(select current_setting('toetsfeedback.kind', true)) = 'operator'"


def upgrade() -> None:
    op.drop_constraint(op.f(WITHIN), WINDOWS)
    op.execute(f"update {WINDOWS} set target_group_id = null where component_id is not null")
    condition = "component_id is null or target_group_id is null"
    op.create_check_constraint(op.f(EITHER), WINDOWS, condition)
    op.execute(f"grant select on {WINDOWS} to {IMPORTER}")
    op.execute(f"grant delete on {WINDOWS} to {API}")
    op.execute(f"create policy removed on {WINDOWS} for delete to {API} using ({IS_OPERATOR})")


def downgrade() -> None:
    op.execute(f"drop policy removed on {WINDOWS}")
    op.execute(f"revoke delete on {WINDOWS} from {API}")
    op.execute(f"revoke select on {WINDOWS} from {IMPORTER}")
    op.drop_constraint(op.f(EITHER), WINDOWS)
    op.execute(
        f"update {WINDOWS} set target_group_id = component.target_group_id"
        f" from components component where component.id = {WINDOWS}.component_id"
    )
    condition = "component_id is null or target_group_id is not null"
    op.create_check_constraint(op.f(WITHIN), WINDOWS, condition)
