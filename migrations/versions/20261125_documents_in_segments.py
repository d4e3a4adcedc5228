"""documents in segments.

A document is a list of segments of stored objects, so that the bundle of a school shares the bytes
of the bundles of its class groups.
"""

from collections.abc import Sequence

from alembic import op

revision: str = "20261125_segments"
down_revision: str | None = "20261125_trail"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.drop_index("ix_documents_storage_key", table_name="documents")
    op.drop_constraint(op.f("ck_documents_bytes_somewhere"), "documents", type_="check")
    op.execute(
        "alter table documents"
        " alter storage_key type varchar(200)[] using array[storage_key],"
        " alter byte_offset type bigint[] using array[byte_offset],"
        " alter byte_size type bigint[] using array[byte_size]"
    )
    for column in ("storage_key", "byte_offset", "byte_size"):
        op.alter_column("documents", column, new_column_name=f"{column}s")
    op.create_check_constraint(
        op.f("ck_documents_bytes_somewhere"),
        "documents",
        "0 <= all(byte_offsets) and 0 < all(byte_sizes) and cardinality(storage_keys) > 0"
        " and cardinality(storage_keys) = cardinality(byte_offsets)"
        " and cardinality(storage_keys) = cardinality(byte_sizes)",
    )
    op.create_index(
        "ix_documents_storage_keys", "documents", ["storage_keys"], postgresql_using="gin"
    )


def downgrade() -> None:
    """Remove documents of several segments; a build by the older version creates them again."""
    op.drop_index("ix_documents_storage_keys", table_name="documents")
    op.drop_constraint(op.f("ck_documents_bytes_somewhere"), "documents", type_="check")
    op.execute("delete from documents where cardinality(storage_keys) > 1")
    for column in ("storage_key", "byte_offset", "byte_size"):
        op.alter_column("documents", f"{column}s", new_column_name=column)
    op.execute(
        "alter table documents"
        " alter storage_key type varchar(200) using storage_key[1],"
        " alter byte_offset type bigint using byte_offset[1],"
        " alter byte_size type bigint using byte_size[1]"
    )
    op.create_check_constraint(
        op.f("ck_documents_bytes_somewhere"), "documents", "byte_offset >= 0 and byte_size > 0"
    )
    op.create_index("ix_documents_storage_key", "documents", ["storage_key"])
