"""Statistics that tell a login what others write: who may read them in a cluster.

The position in the write-ahead log, counters of rows and sizes of tables change with each write. A
login that reads them often enough sees the size of a single record, which is another one if the
new value equals the stored one. By default PostgreSQL lets every login read them, in any database
that it can connect to, and only a superuser can change that.
"""

from collections.abc import Iterable
from contextlib import suppress
from typing import Any

import psycopg

from migrations.logins import LOGIN_LOCK

REVEALING = (
    "^pg_(stat_get_(?!xact_|activity$).*|(current|last)_wal_.*|get_wal_.*|logical_emit_message|"
    "available_wal_summaries|wal_summary_contents|"
    "control_(checkpoint|recovery)|get_replication_slots|lock_status|"
    "(relation|table|total_relation|indexes|database|tablespace)_size)$"
)
"""The names of the functions, also of those that views call, such as `pg_stat_user_tables`.

`pg_logical_emit_message` writes a message to the log, and returns the position after it.

Of the sessions of another login, `pg_stat_activity` tells no more than that they exist; workers end
their own ones with it, when a connection is half open.
"""

RESTRICT = f"""do $$
declare
    readable regprocedure;
begin
    for readable in
        select oid from pg_proc
        where pronamespace = 'pg_catalog'::regnamespace and proname ~ '{REVEALING}'
          and has_function_privilege('public', oid, 'execute')
    loop
        execute format('revoke execute on function %s from public', readable);
        execute format('grant execute on function %s to pg_monitor', readable);
    end loop;
end
$$;"""
"""The statement of a superuser that leaves the functions to superusers and to monitoring."""

STATISTICS_COMMAND = "`toetsfeedback migrate --statistics-only | psql DATABASE`"
"""What executes it."""

_DATABASES = """
select datname from pg_database
where datallowconn and exists (
    select from unnest(%s::text[]) login where has_database_privilege(login, oid, 'connect')
)
order by datname <> current_database(), datname
"""
_EXISTING = "select array(select rolname::text from pg_roles where rolname = any(%s))"
_READERS = """
select login from unnest(%s::text[]) login
where exists (
    select from pg_proc
    where pronamespace = 'pg_catalog'::regnamespace and proname ~ %s
      and has_function_privilege(login, oid, 'execute')
)
order by login
"""
_IS_SUPERUSER = "select rolsuper from pg_roles where rolname = current_user"


def find_readers(url: str, logins: Iterable[str]) -> dict[str, list[str]]:
    """Return the logins that can read the statistics, by the database in which they can.

    Without any of the logins, it is about `public`: every login. A database that refuses this
    connection, or is removed meanwhile, is left out.
    """
    with _connect(url) as connection:
        (existing,) = connection.execute(_EXISTING, [list(logins)]).fetchone() or ([],)
        existing = existing or ["public"]
        names = [name for (name,) in connection.execute(_DATABASES, [existing]).fetchall()]
    found = {}
    for name in names:
        with suppress(psycopg.OperationalError), _connect(url, dbname=name) as connection:
            rows = connection.execute(_READERS, [existing, REVEALING]).fetchall()
            found[name] = [login for (login,) in rows]
    return {name: readers for name, readers in found.items() if readers}


def restrict_statistics(url: str, logins: Iterable[str]) -> list[str]:
    """Let the logins read no statistics, if this is a superuser; return where they still can."""
    logins = list(logins)
    for name in find_readers(url, logins):
        with suppress(psycopg.OperationalError), _connect(url, dbname=name) as connection:
            if connection.execute(_IS_SUPERUSER).fetchone() == (True,):
                connection.execute("select pg_advisory_xact_lock(%s)", [LOGIN_LOCK])
                connection.execute(RESTRICT)
    return list(find_readers(url, logins))


def _connect(url: str, **parameters: Any) -> psycopg.Connection[Any]:
    """Connect with text as UTF-8: from a database in SQL_ASCII it would come as bytes."""
    return psycopg.connect(url, client_encoding="utf8", **parameters)
