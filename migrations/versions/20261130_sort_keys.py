"""sort keys: lists are in Dutch order, by a key that is stored with each row.

The keys of existing rows are computed here, as the importer and the API computed them when this
revision was written. They are of every row, so that no list mixes two orders until the next import.
"""

import re
from collections.abc import Callable, Sequence
from unicodedata import normalize

import sqlalchemy as sa
from alembic import op

revision: str = "20261130_sort_keys"
down_revision: str | None = "20261201_predecessors"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

API = "toetsfeedback_api"
TABLES = ("class_groups", "students", "clients", "persons")
BATCH = 10_000

SEPARATOR = "\x01"
DIGITS = re.compile(r"[0-9]+")
PUNCTUATION = re.compile(r"[^\w\s]|_")
LETTERS = str.maketrans(
    dict(zip("đðħ\u0131łøœæþ", ("d", "d", "h", "i", "l", "o", "oe", "ae", "th"), strict=True))
)

NAMES = "select id, name from {}"
STUDENTS = """
select students.id, class_groups.name, family_name, given_name, delivered_as
from students join class_groups on class_groups.id = students.class_group_id
"""
SET_KEYS = """
update {table} set sort_key = keys.sort_key
from unnest(cast(:ids as uuid[]), cast(:keys as text[])) keys (id, sort_key)
where {table}.id = keys.id
"""


def letters(name: str) -> str:
    plain = normalize("NFKD", name).casefold().translate(LETTERS)
    padded = DIGITS.sub(lambda number: number[0].rjust(12, "0"), plain)
    return " ".join(PUNCTUATION.sub("", padded).split())[:100]


def name_key(name: str) -> str:
    return f"{letters(name)}{SEPARATOR}{name}"


def class_list_key(class_group: str, family_name: str, given_name: str, code: str) -> str:
    names = letters(family_name), letters(given_name)
    return SEPARATOR.join((name_key(class_group), *names, code))


def set_keys(table: str, query: str, key_of: Callable[..., str]) -> None:
    connection = op.get_bind()
    statement = sa.text(SET_KEYS.format(table=table))
    rows = connection.execute(sa.text(query)).all()
    for start in range(0, len(rows), BATCH):
        batch = rows[start : start + BATCH]
        keys = [key_of(*values) for _, *values in batch]
        connection.execute(statement, {"ids": [row.id for row in batch], "keys": keys})


def upgrade() -> None:
    for table in TABLES:
        op.add_column(table, sa.Column("sort_key", sa.Text(collation="C"), nullable=True))
    set_keys("students", STUDENTS, class_list_key)
    for table in ("class_groups", "clients", "persons"):
        set_keys(table, NAMES.format(table), name_key)
    for table in TABLES:
        op.alter_column(table, "sort_key", nullable=False)
    op.create_index(
        "ix_students_sort_key", "students", ["school_id", "administration_id", "sort_key"]
    )
    for table in ("class_groups", "students"):
        op.execute(f"grant select (sort_key) on {table} to {API}")
    op.execute(f"grant select (sort_key), insert (sort_key), update (sort_key) on clients to {API}")
    op.execute(f"grant select (sort_key), insert (sort_key) on persons to {API}")


def downgrade() -> None:
    op.drop_index("ix_students_sort_key", "students")
    for table in TABLES:
        op.drop_column(table, "sort_key")
