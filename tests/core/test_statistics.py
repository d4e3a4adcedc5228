"""Logins of programs read no statistics of what others write, in any database of the cluster."""

import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from secrets import token_hex
from subprocess import PIPE

import psycopg
import pytest
from psycopg.errors import InsufficientPrivilege

from embedded.programs import child_environment, toetsfeedback_command
from embedded.servers import Servers, embedded_servers
from migrations.logins import ROLES, login_of, logins_of
from migrations.statistics import RESTRICT, find_readers, restrict_statistics
from services.cli.doctor.database import check_statistics
from services.cli.doctor.findings import Status
from shared.core.settings import Settings
from tests.conftest import TEMPLATE
from tests.core.conftest import Login

READS = (
    "select pg_current_wal_lsn()",
    "select pg_current_wal_insert_lsn()",
    "select pg_current_wal_flush_lsn()",
    "select wal_bytes from pg_stat_wal",
    "select n_tup_hot_upd, n_mod_since_analyze from pg_stat_user_tables",
    "select idx_scan from pg_stat_user_indexes",
    "select heap_blks_hit from pg_statio_user_tables",
    "select tup_updated from pg_stat_database",
    "select pg_relation_size('item_results')",
    "select pg_total_relation_size('pg_class')",
    "select pg_database_size(current_database())",
    "select redo_lsn from pg_control_checkpoint()",
    "select confirmed_flush_lsn from pg_replication_slots",
    "select relation, mode from pg_locks",
    "select pg_logical_emit_message(false, '', '')",
    "select pg_logical_emit_message(true, '', ''::bytea)",
)
READS_OF_SUMMARIES = ("select pg_wal_summary_contents(1, '0/1', '0/2')",)
SUMMARIES_SINCE = 170_000
"""The version of PostgreSQL that has them."""

VOLATILE_POSITIONS = """
    select proname from pg_proc
    where pronamespace = 'pg_catalog'::regnamespace and provolatile = 'v'
      and has_function_privilege(oid, 'execute')
      and 'pg_lsn'::regtype = any (prorettype || coalesce(proallargtypes, '{}'))
"""
OF_REPLICATION = re.compile(
    "pg_(copy|create)_(physical|logical)_replication_slot|"
    "pg_replication_slot_advance|pg_logical_slot_(get|peek)_(binary_)?changes"
)
"""Functions that refuse roles without the attribute `replication`."""


@pytest.mark.parametrize("program", ROLES)
@pytest.mark.parametrize("database", ["own", "postgres", "template1"])
def test_login_of_a_program_reads_no_statistics(login: Login, program: str, database: str) -> None:
    with login(program) as own:
        name = own.info.dbname if database == "own" else database
        password = {"password": own.info.password}
        with psycopg.connect(own.info.dsn, dbname=name, autocommit=True, **password) as connection:
            has_summaries = connection.info.server_version >= SUMMARIES_SINCE
            for query in READS + READS_OF_SUMMARIES * has_summaries:
                with pytest.raises(InsufficientPrivilege):
                    connection.execute(query.replace("item_results", "pg_class"))


def test_no_function_returns_a_position_in_the_log(login: Login) -> None:
    """Also none that a later version of PostgreSQL adds under another name."""
    with login("operator") as connection:
        found = {name for (name,) in connection.execute(VOLATILE_POSITIONS)}
        assert {name for name in found if not OF_REPLICATION.fullmatch(name)} == set()
        with pytest.raises(InsufficientPrivilege):
            connection.execute("select pg_create_physical_replication_slot('x', true)")


def test_login_reads_its_own_figures_and_names_of_tables(login: Login) -> None:
    """What the planner and a session of its own need is not taken away."""
    with login("worker") as connection:
        connection.execute("select n_tup_upd from pg_stat_xact_user_tables")
        connection.execute("select reltuples from pg_class")


@pytest.fixture(params=["utf8", "sql_ascii"])
def open_database(servers: Servers, request: pytest.FixtureRequest) -> Iterator[str]:
    """Return the URL of a database with the privileges of a new cluster, and its own owner."""
    encoding = f"encoding {request.param} locale_provider libc lc_collate 'C' lc_ctype 'C'"
    name = f"open_{token_hex(4)}"
    with psycopg.connect(servers.database_url, autocommit=True) as superuser:
        superuser.execute(f"create role {name} login password 'secret'")
        superuser.execute(f"create database {name} owner {name} {encoding} template template0")
        host, port = superuser.info.host, superuser.info.port
        yield f"postgresql://{name}:secret@{host}:{port}/{name}"
        superuser.execute(f"drop database {name} with (force)")
        superuser.execute(f"drop role {name}")


def test_owner_who_is_no_superuser_is_told_where_they_can_be_read(
    servers: Servers, open_database: str
) -> None:
    logins = [login_of(TEMPLATE, program) for program in ROLES]
    name = open_database.rpartition("/")[2]
    assert find_readers(open_database, logins) == {name: sorted(logins)}
    assert restrict_statistics(open_database, logins) == [name]
    finding = check_statistics(open_database)
    assert finding.status is Status.FAILED
    assert f"public can read how much others write, in {name}" in finding.detail

    superuser = f"{servers.database_url.rpartition('/')[0]}/{name}"
    with psycopg.connect(superuser) as connection:
        connection.execute(RESTRICT)

    assert find_readers(open_database, logins) == {}
    assert check_statistics(open_database).status is Status.OK


def test_superuser_restricts_every_database_that_the_logins_can_connect_to(
    servers: Servers, open_database: str, settings: Settings
) -> None:
    logins = [login_of(TEMPLATE, program) for program in ROLES]
    url = settings.database_url.get_secret_value()
    assert restrict_statistics(url, logins) == []
    assert find_readers(open_database, logins) == {}
    assert len(logins_of(servers.database_url)) == len(ROLES)


@pytest.fixture
def owned_database() -> Iterator[tuple[str, str]]:
    """Yield the URLs of a database of a cluster of its own, for its owner and for a superuser."""
    directory = Path(tempfile.mkdtemp(prefix="toetsfeedback-statistics-"))
    try:
        with embedded_servers(directory) as servers:
            with psycopg.connect(servers.database_url, autocommit=True) as superuser:
                superuser.execute("create role owner login createrole password 'secret'")
                superuser.execute("create database owned owner owner template template0")
                host, port = superuser.info.host, superuser.info.port
            url = servers.database_url.rpartition("/")[0]
            yield f"postgresql://owner:secret@{host}:{port}/owned", f"{url}/owned"
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def test_migrate_names_the_databases_and_prints_the_statement_on_request_alone(
    owned_database: tuple[str, str], tmp_path: Path
) -> None:
    owner, superuser = owned_database
    environment = child_environment(
        {
            "TOETSFEEDBACK_DATABASE_URL": owner,
            "TOETSFEEDBACK_REDIS_URL": "redis://127.0.0.1:1/0",
            "TOETSFEEDBACK_STORAGE_URL": tmp_path.as_uri(),
        }
    )

    def migrate(*arguments: str) -> str:
        command = toetsfeedback_command("migrate", *arguments)
        return subprocess.run(command, env=environment, stdout=PIPE, text=True, check=True).stdout

    for _ in range(2):
        _, line = migrate().splitlines()
        assert "in owned, postgres, template1" in line
        assert "`toetsfeedback migrate --statistics-only | psql DATABASE`" in line
    with psycopg.connect(superuser) as connection:
        connection.execute(migrate("--statistics-only").encode())
    assert "owned, postgres" not in migrate()
