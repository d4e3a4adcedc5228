"""The scans and rows of each table that a transaction has read and written so far."""

from sqlalchemy import text
from sqlalchemy.orm import Session

_ROWS_READ = text("""
    select relname, seq_scan, seq_tup_read, idx_scan, idx_tup_fetch, n_tup_ins, n_tup_upd
    from pg_stat_xact_user_tables order by relname
""")

PLANNED_AFTER = 15
"""Executions of a statement after which no plan changes; planning reads rows too."""


def rows_read(session: Session) -> dict[str, tuple[int, ...]]:
    return {table: tuple(counts) for table, *counts in session.execute(_ROWS_READ)}


def difference(
    after: dict[str, tuple[int, ...]], before: dict[str, tuple[int, ...]]
) -> dict[str, list[int]]:
    """Return the scans and rows since `before`, of the tables that have any."""
    counts = {
        table: [now - then for now, then in zip(after[table], before[table], strict=True)]
        for table in after
    }
    return {table: own for table, own in counts.items() if any(own)}
