"""Run tests on the oldest PostgreSQL that the service supports, which Debian 12 has.

`python -m tests.compatibility [ARGUMENT…]` starts a cluster of it and a Valkey, and passes the
arguments to pytest. The embedded PostgreSQL of all other tests is a newer one.
"""

import os
import secrets
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from pwd import getpwnam

import psycopg

from embedded.child_process import wait_until
from tests.valkey_server import PASSWORD, free_port, valkey

VERSION = 15
PROGRAMS = Path(f"/usr/lib/postgresql/{VERSION}/bin")
USER = "postgres"
"""The user of Debian's packages: a server refuses to run as root."""
START_SECONDS = 60
TESTS = (
    "tests/migrations",
    "tests/core",
    "tests/jobs",
    "tests/deliveries",
    "tests/documents",
    "tests/worker/jobs/test_built_documents.py",
    "tests/worker/jobs/test_corrections.py",
    "tests/cli/test_doctor.py",
    "tests/api/test_results.py",
    "tests/api/test_jobs.py",
)


def main(arguments: list[str]) -> int:
    if not PROGRAMS.exists():
        print(f"{PROGRAMS} does not exist: install postgresql-{VERSION}", file=sys.stderr)  # noqa: T201
        return 1
    directory = Path(tempfile.mkdtemp(prefix="toetsfeedback-compatibility-"))
    try:
        with _postgres(directory) as url, valkey(directory) as port:
            servers = {
                "TOETSFEEDBACK_TEST_DATABASE_URL": url,
                "TOETSFEEDBACK_TEST_REDIS_URL": f"redis://:{PASSWORD}@127.0.0.1:{port}/0",
            }
            command = [sys.executable, "-m", "pytest", *(arguments or TESTS)]
            return subprocess.run(command, env=os.environ | servers, check=False).returncode
    finally:
        shutil.rmtree(directory, ignore_errors=True)


@contextmanager
def _postgres(directory: Path) -> Iterator[str]:
    """Run a cluster during the block; yield the URL of its superuser."""
    password, port, cluster = secrets.token_hex(), free_port(), directory / "cluster"
    file = directory / "password"
    file.write_text(password)
    cluster.mkdir(mode=0o700)
    user: dict[str, object] = {}
    if os.geteuid() == 0:
        account = getpwnam(USER)
        user = {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}
        for path in (directory, file, cluster):
            os.chown(path, account.pw_uid, account.pw_gid)
    initdb = [PROGRAMS / "initdb", f"--pgdata={cluster}", "--username=owner", f"--pwfile={file}"]
    initdb += ["--auth=scram-sha-256", "--encoding=UTF8", "--no-locale", "--no-sync"]
    subprocess.run(initdb, cwd="/", check=True, stdout=subprocess.DEVNULL, **user)  # type: ignore[call-overload]
    settings = {"listen_addresses": "127.0.0.1", "unix_socket_directories": "", "fsync": "off"}
    server = [PROGRAMS / "postgres", "-D", cluster, "-p", str(port)]
    server += [option for name, value in settings.items() for option in ("-c", f"{name}={value}")]
    with (directory / "log").open("w") as log:
        process = subprocess.Popen(server, cwd="/", stderr=log, **user)  # type: ignore[call-overload]
    url = f"postgresql://owner:{password}@127.0.0.1:{port}/postgres"
    try:
        if not wait_until(lambda: _responds(url), START_SECONDS):
            raise RuntimeError(f"PostgreSQL does not start: {(directory / 'log').read_text()}")
        yield url
    finally:
        process.terminate()
        process.wait(timeout=START_SECONDS)


def _responds(url: str) -> bool:
    try:
        psycopg.connect(url, connect_timeout=5).close()
    except psycopg.OperationalError:
        return False
    return True


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
