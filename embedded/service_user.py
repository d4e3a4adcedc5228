"""The unprivileged user of the servers when this process is root, and its file permissions.

PostgreSQL refuses to run as root. For any other user the functions of this module do nothing.
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


def no_report(_: str) -> None:
    """Discard a report."""


@dataclass(frozen=True, slots=True)
class ServiceUser:
    name: str
    uid: int
    gid: int


def service_user(postgres: Path) -> ServiceUser | None:
    """Return the user that the servers must run as, None unless this process is root.

    A cluster that was created by another user keeps its owner, and the servers run as that user.
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
    """Create a system user: the end of a login session would remove its shared memory."""
    useradd = shutil.which("useradd", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
    if useradd is None:
        raise EmbeddedError(
            f"PostgreSQL cannot run as root, and useradd is not installed to create the user "
            f"{NAME}: create that user, or run this as another user than root"
        )
    error_output = ""
    for _ in range(20):
        result = subprocess.run(
            [useradd, *_SYSTEM_USER, NAME],
            capture_output=True,
            text=True,
            check=False,
        )
        # Another instance may have created it, or may have the lock of the user database.
        if user := _find():
            return user
        error_output = result.stderr.strip()
        time.sleep(0.1)
    raise EmbeddedError(
        f"the user {NAME} for PostgreSQL could not be created ({error_output}): create that user, "
        "or run this as another user than root"
    )


def grant_traversal(user: ServiceUser | None, path: Path, report: Report = no_report) -> None:
    """Grant the user search permission on the directories above `path`."""
    if user is None:
        return
    for directory in reversed(path.parents):
        _grant(user, directory, stat.S_IXOTH, report)


def grant_read(user: ServiceUser | None, tree: Path, report: Report = no_report) -> None:
    """Grant the user read permission on every file below `tree`, and execution where we have it."""
    if user is None:
        return
    grant_traversal(user, tree, report)
    for path in _walk(tree):
        is_executable = path.is_dir() or path.stat().st_mode & stat.S_IXUSR
        _grant(user, path, stat.S_IROTH | (stat.S_IXOTH if is_executable else 0), no_report)


def _walk(tree: Path) -> Iterator[Path]:
    yield tree
    if tree.is_dir():
        for directory, subdirectories, files in os.walk(tree):
            for name in subdirectories + files:
                yield Path(directory, name)


def _grant(user: ServiceUser, path: Path, permissions: int, report: Report) -> None:
    """Grant permissions, given as the bits of others; the bits of owner or group count as well."""
    state = path.stat()
    shift = 6 if state.st_uid == user.uid else 3 if state.st_gid == user.gid else 0
    if state.st_mode & (permissions << shift) == permissions << shift:
        return
    if state.st_uid != os.geteuid():
        raise EmbeddedError(
            f"the servers run as {user.name}, who has no permission on {path}, which root does not "
            f"own: choose another data directory, run this as the owner of {path}, or grant others "
            "the permission"
        )
    path.chmod(stat.S_IMODE(state.st_mode) | permissions)
    report(f"{path}: granted others permission, because the servers run as {user.name}")
