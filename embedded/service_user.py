"""The unprivileged user that the servers run as when we are root, and the little it is let into.

PostgreSQL refuses to run as root. As an ordinary user there is nothing to switch and nothing here
does anything.
"""

import os
import pwd
import shutil
import stat
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from embedded.errors import EmbeddedError

NAME = "toetsfeedback-db"

_SYSTEM_USER = (
    "--system",
    "--user-group",
    "--no-create-home",
    "--home-dir=/nonexistent",
    "--shell=/usr/sbin/nologin",
)

Report = Callable[[str], None]


def say_nothing(_: str) -> None:
    """For callers with nobody to report to."""


@dataclass(frozen=True, slots=True)
class ServiceUser:
    name: str
    uid: int
    gid: int


def service_user(postgres: Path) -> ServiceUser | None:
    """None unless we are root.

    Databases made earlier by an ordinary user keep their owner: the servers then run as that one.
    """
    if os.geteuid() != 0:
        return None
    if postgres.exists() and (owner := postgres.stat()).st_uid != 0:
        return ServiceUser(f"uid {owner.st_uid}", owner.st_uid, owner.st_gid)
    return _find() or _create()


def _find() -> ServiceUser | None:
    try:
        entry = pwd.getpwnam(NAME)
    except KeyError:
        return None
    return ServiceUser(NAME, entry.pw_uid, entry.pw_gid)


def _create() -> ServiceUser:
    """A system user, so that no login session of it ever ends and takes shared memory along."""
    useradd = shutil.which("useradd", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
    if useradd is None:
        raise EmbeddedError(
            f"PostgreSQL cannot run as root and useradd is missing to make the user {NAME}: "
            "make that user, or run this as an ordinary user"
        )
    complaint = ""
    for _ in range(20):
        made = subprocess.run(
            [useradd, *_SYSTEM_USER, NAME],
            capture_output=True,
            text=True,
            check=False,
        )
        # Another instance may have made it meanwhile, or hold the lock of the user database.
        if user := _find():
            return user
        complaint = made.stderr.strip()
        time.sleep(0.1)
    raise EmbeddedError(
        f"the user {NAME}, which PostgreSQL runs as, could not be made ({complaint}): make that "
        "user, or run this as an ordinary user"
    )


def let_pass(user: ServiceUser | None, path: Path, report: Report = say_nothing) -> None:
    """Lets the user through the folders above `path`: the search bit where it lacks, no more."""
    if user is None:
        return
    for folder in reversed(path.parents):
        _grant(user, folder, stat.S_IXOTH, report)


def let_read(user: ServiceUser | None, tree: Path, report: Report = say_nothing) -> None:
    """Lets the user read, and run where we may, every file of a folder of programs."""
    if user is None:
        return
    let_pass(user, tree, report)
    for path in _walk(tree):
        runs = path.is_dir() or path.stat().st_mode & stat.S_IXUSR
        _grant(user, path, stat.S_IROTH | (stat.S_IXOTH if runs else 0), say_nothing)


def _walk(tree: Path) -> Iterator[Path]:
    yield tree
    if tree.is_dir():
        for folder, folders, files in os.walk(tree):
            for name in folders + files:
                yield Path(folder, name)


def _grant(user: ServiceUser, path: Path, wanted: int, report: Report) -> None:
    """`wanted` is in the bits of others; as owner or member of the group its twins count."""
    state = path.stat()
    shift = 6 if state.st_uid == user.uid else 3 if state.st_gid == user.gid else 0
    if state.st_mode & (wanted << shift) == wanted << shift:
        return
    if state.st_uid != os.geteuid():
        raise EmbeddedError(
            f"the servers run as {user.name}, may not use {path}, and it is not root's to open: "
            f"choose a data directory elsewhere, run this as the owner of {path}, or give others "
            "permission to it"
        )
    path.chmod(stat.S_IMODE(state.st_mode) | wanted)
    report(f"{path}: others may now pass through it, because the servers run as {user.name}")
