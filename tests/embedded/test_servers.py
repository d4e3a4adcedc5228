"""PostgreSQL and Valkey as child processes, with real files and ports."""

import os
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import psutil
import psycopg
import pytest
import redis

from embedded.data_directory import DataDirectory
from embedded.errors import EmbeddedError
from embedded.postgres import EmbeddedPostgres
from embedded.servers import Servers, embedded_servers
from embedded.valkey import EmbeddedValkey

SMALL_SERVICE = Path(__file__).with_name("small_service.py")

ProcessesOf = Callable[[Path], list[psutil.Process]]
Eventually = Callable[[Callable[[], object]], bool]


@pytest.fixture(scope="module")
def served(shared_directory: Path) -> Iterator[Servers]:
    with embedded_servers(shared_directory) as servers:
        yield servers


def test_servers_answer_and_are_stopped_afterwards(
    directory: Path, processes_of: ProcessesOf
) -> None:
    with embedded_servers(directory) as servers:
        with psycopg.connect(servers.database_url) as connection:
            row = connection.execute(
                "select current_database(), lower('ÉĲ'), current_setting('server_encoding')"
            ).fetchone()
        assert row == ("toetsfeedback", "éĳ", "UTF8")
        client = redis.Redis.from_url(servers.redis_url)
        assert client.ping()
        assert client.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}
        client.close()
        assert servers.storage_url == (directory / "storage").as_uri()
        assert DataDirectory(directory).read_running() is not None
    assert processes_of(directory) == []
    assert DataDirectory(directory).read_running() is None


@pytest.mark.xdist_group("served")
def test_servers_require_their_password(served: Servers) -> None:
    _, _, postgres = served.database_url.rpartition("@")
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(f"postgresql://toetsfeedback:guess@{postgres}")
    _, _, valkey = served.redis_url.rpartition("@")
    with (
        redis.Redis.from_url(f"redis://{valkey}") as client,
        pytest.raises(redis.AuthenticationError),
    ):
        client.ping()


@pytest.mark.xdist_group("served")
@pytest.mark.usefixtures("served")
def test_data_directory_has_one_owner(shared_directory: Path) -> None:
    with (
        pytest.raises(EmbeddedError, match=f"{shared_directory} is in use.*choose another"),
        embedded_servers(shared_directory),
    ):
        pass


@pytest.mark.xdist_group("served")
def test_postgres_log_has_no_values_of_rows(served: Servers, shared_directory: Path) -> None:
    with psycopg.connect(served.database_url, autocommit=True) as connection:
        connection.execute("create table people (name text primary key)")
        connection.execute("insert into people values ('Ozymandias')")
        for wrong in (
            "insert into people values ('Ozymandias')",
            "select 'Ozymandias'::int",
            "select syntax error 'Ozymandias'",
        ):
            with pytest.raises(psycopg.Error):
                connection.execute(wrong)
        with pytest.raises(psycopg.Error):
            connection.execute("select %s::int", ["Ozymandias"])
        connection.execute("do $$ begin raise warning 'Ozymandias'; end $$")
    log = (shared_directory / "logs" / "postgres.log").read_text()
    assert "database system is ready" in log
    assert "Ozymandias" not in log


def test_two_instances_run_at_the_same_time(directory: Path) -> None:
    with (
        embedded_servers(directory / "one") as one,
        embedded_servers(directory / "two") as two,
    ):
        for servers in (one, two):
            with psycopg.connect(servers.database_url) as connection:
                connection.execute("create table here (name text)")
        assert one.redis_url != two.redis_url


def test_watchdog_stops_the_servers_of_a_killed_owner(
    directory: Path, processes_of: ProcessesOf, eventually: Eventually
) -> None:
    with subprocess.Popen(
        [sys.executable, SMALL_SERVICE, "servers", directory], stdout=subprocess.PIPE
    ) as owner:
        assert owner.stdout is not None
        assert owner.stdout.readline() == b"ready\n"
        owner.kill()
    assert eventually(lambda: processes_of(directory) == [])


def test_killed_postgres_restarts_on_its_port_with_its_data(directory: Path) -> None:
    postgres = EmbeddedPostgres(DataDirectory(directory), durable=False)
    url = postgres.start()
    try:
        with psycopg.connect(url) as connection:
            connection.execute("create table stored (n int)")
        # An open connection keeps a child of the server, with its shared memory, for a moment.
        with psycopg.connect(url, autocommit=True):
            assert postgres.pid is not None
            os.kill(postgres.pid, signal.SIGKILL)
            assert postgres.start() == url
        with psycopg.connect(url) as connection:
            assert connection.execute("select count(*) from stored").fetchone() == (0,)
    finally:
        postgres.stop()


@pytest.mark.parametrize("server", [partial(EmbeddedPostgres, durable=False), EmbeddedValkey])
def test_server_uses_another_port_if_its_own_is_in_use(
    directory: Path, server: Callable[[DataDirectory], EmbeddedPostgres | EmbeddedValkey]
) -> None:
    data = DataDirectory(directory)
    first = server(data)
    first.start()
    first.stop()
    with socket.create_server(("127.0.0.1", first.port)):
        second = server(data)
        second.start()
        try:
            assert second.port != first.port
        finally:
            second.stop()


def test_stale_pid_file_does_not_prevent_a_start(directory: Path) -> None:
    postgres = EmbeddedPostgres(DataDirectory(directory), durable=False)
    postgres.start()
    pid_file = (directory / "postgres" / "postmaster.pid").read_text()
    postgres.stop()
    # After a restart of the machine another process may have the pid in the file.
    stale = pid_file.replace(pid_file.splitlines()[0], str(os.getpid()), 1)
    (directory / "postgres" / "postmaster.pid").write_text(stale)
    postgres.start()
    postgres.stop()


def test_cluster_of_another_major_version_is_rejected(directory: Path) -> None:
    data = DataDirectory(directory)
    data.prepare()
    data.postgres.mkdir(mode=0o700)
    (data.postgres / "PG_VERSION").write_text("12\n")
    with pytest.raises(EmbeddedError, match=r"created by PostgreSQL 12 and \d+ is installed: dump"):
        EmbeddedPostgres(data).start()


def test_interrupted_initdb_is_repeated(directory: Path) -> None:
    data = DataDirectory(directory)
    data.prepare()
    (data.path / "postgres.new").mkdir()
    (data.path / "postgres.new" / "PG_VERSION").write_text("18\n")
    postgres = EmbeddedPostgres(data, durable=False)
    with psycopg.connect(postgres.start()) as connection:
        assert connection.execute("select 1").fetchone() == (1,)
    postgres.stop()
    assert not (data.path / "postgres.new").exists()


def run_python(code: str, directory: Path) -> str:
    return subprocess.run(
        [sys.executable, "-c", code, directory],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
        timeout=60,
    ).stdout


ON_A_FULL_DISK = """
import resource, sys
from pathlib import Path
from embedded.data_directory import DataDirectory
from embedded.errors import EmbeddedError
from embedded.postgres import EmbeddedPostgres
resource.setrlimit(resource.RLIMIT_FSIZE, (500_000, 500_000))
try:
    EmbeddedPostgres(DataDirectory(Path(sys.argv[1]))).start()
except EmbeddedError as error:
    print(error)
"""


def test_failed_initdb_reports_its_log_and_can_be_repeated(directory: Path) -> None:
    output = run_python(ON_A_FULL_DISK, directory)
    assert "initdb exited with code 1" in output
    assert str(directory / "logs" / "initdb.log") in output
    postgres = EmbeddedPostgres(DataDirectory(directory), durable=False)
    postgres.start()
    postgres.stop()


# As root it drops its privileges first. It imports everything before that, as another user may not
# have access to the files of the interpreter.
AS_AN_ORDINARY_USER = """
import encodings.ascii, encodings.idna, os, sys
from pathlib import Path
import psycopg
from embedded.data_directory import DataDirectory
from embedded.postgres import EmbeddedPostgres
from embedded.valkey import EmbeddedValkey
if os.geteuid() == 0:
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)
data = DataDirectory(Path(sys.argv[1]))
postgres, valkey = EmbeddedPostgres(data), EmbeddedValkey(data)
try:
    with psycopg.connect(postgres.start()) as connection:
        print(connection.execute("select 'served'").fetchone()[0])
    print(valkey.start().partition(":")[0])
    print(os.stat(data.postgres).st_uid == os.geteuid() != 0)
finally:
    valkey.stop()
    postgres.stop()
"""


def test_unprivileged_user_runs_the_servers_itself(
    directory: Path, processes_of: ProcessesOf
) -> None:
    if os.geteuid() == 0:
        os.chown(directory.parent, 65534, 65534)
    assert run_python(AS_AN_ORDINARY_USER, directory).split() == ["served", "redis", "True"]
    assert processes_of(directory) == []


def test_root_runs_the_servers_as_another_user_and_grants_only_search_permission(
    directory: Path,
) -> None:
    is_root = os.geteuid() == 0
    directory.mkdir(mode=0o700)
    (directory / "storage").mkdir(mode=0o700)
    data = DataDirectory(directory)
    reports: list[str] = []
    servers = EmbeddedPostgres(data, durable=False, report=reports.append), EmbeddedValkey(data)
    for server in servers:
        server.start()
    try:
        users = {psutil.Process(server.pid).uids().real for server in servers}
    finally:
        for server in servers:
            server.stop()
    assert len(users) == 1
    assert (0 in users, os.geteuid() in users) == (False, not is_root)
    assert stat.S_IMODE(directory.stat().st_mode) == (0o701 if is_root else 0o700)
    assert stat.S_IMODE((directory / "storage").stat().st_mode) == 0o700
    assert any(str(directory) in line for line in reports) == is_root
