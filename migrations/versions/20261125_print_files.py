"""print files: a kind of document, with the fiches of a class group in one PDF."""

from collections.abc import Sequence

from alembic import op

revision: str = "20261125_print"
down_revision: str | None = "20261125_clients"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

CONSTRAINT = "ck_documents_kind_known"


def upgrade() -> None:
    op.drop_constraint(op.f(CONSTRAINT), "documents")
    kinds = "kind in ('fiche', 'overview', 'ficheBundle', 'fichePrint')"
    op.create_check_constraint(op.f(CONSTRAINT), "documents", kinds)


def downgrade() -> None:
    op.execute("delete from documents where kind = 'fichePrint'")
    op.drop_constraint(op.f(CONSTRAINT), "documents")
    op.create_check_constraint(
        op.f(CONSTRAINT), "documents", "kind in ('fiche', 'overview', 'ficheBundle')"
    )
