"""Back up and restore into an empty cluster, with the commands of docs/operations.md."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from secrets import token_hex

import psycopg
import pytest

from embedded.cluster import binaries
from embedded.programs import PROJECT, child_environment
from embedded.servers import Servers, embedded_servers
from synthetic.generate import DeliveryPlan, generate_delivery
from tests.journeys.conftest import Instance

PAGE = (PROJECT / "docs" / "operations.md").read_text(encoding="utf-8")
SCHOOLS = 3
PASSWORDS = {
    f"{program}_DATABASE_PASSWORD": token_hex(8)
    for program in ("API", "WORKER", "IMPORTER", "OPERATOR")
}

pytestmark = [
    pytest.mark.journey,
    pytest.mark.xdist_group("restore"),
    pytest.mark.timeout(600),  # two clusters, a build, and many commands
]


def block(name: str) -> str:
    found = re.search(rf"^```sh {name}\n(.+?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    assert found is not None
    return found[1]


def run(script: str, environment: Mapping[str, str]) -> "subprocess.CompletedProcess[str]":
    """Run a script as in a shell of an operator, which ends at the first error."""
    search = [str(Path(sys.executable).parent), str(binaries()), os.environ["PATH"]]
    return subprocess.run(
        ["/bin/sh", "-euc", script],
        env=child_environment({**environment, "PATH": os.pathsep.join(search)}),
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def directory() -> Iterator[Path]:
    # Outside pytest's directory, which may not be readable by the user of the servers.
    directory = Path(tempfile.mkdtemp(prefix="toetsfeedback-restore-"))
    yield directory
    shutil.rmtree(directory)


@pytest.fixture(scope="module")
def backup(instance: Instance, directory: Path) -> Path:
    """Return the backup of an instance with documents and an audit log, which is then stopped."""
    generate_delivery(DeliveryPlan(schools=SCHOOLS, seed=5), directory / "delivery")
    instance.cli("import", str(directory / "delivery"))
    instance.cli("build", "--administration", "2024", "--follow")
    opens_at = datetime.now(UTC).replace(microsecond=0) + timedelta(minutes=1)
    moment = ("--opens-at", opens_at.isoformat())
    instance.cli("release", "rehearse", "--administration", "2024", *moment)
    running = instance.running()
    backup = directory / "backup"
    backup.mkdir()
    # Before the dump, which lacks the entries that are appended after it.
    (backup / "heads.json").write_text(instance.cli("audit", "heads"), encoding="utf-8")
    done = run(
        block("backup"),
        {
            "DATABASE_URL": running.environment["TOETSFEEDBACK_DATABASE_URL"],
            "STORE": running.storage_url.removeprefix("file://"),
            "BACKUP": str(backup),
        },
    )
    assert done.returncode == 0, done.stderr
    keys = {"signing-key.pem", "insz-key", "manifest-key.pem", "viewing-key"}
    for name in keys:
        shutil.copy(instance.data / "keys" / name, backup / name)
    instance.stop()
    return backup


@pytest.fixture(scope="module")
def cluster(backup: Path, directory: Path) -> Iterator[Servers]:
    """Return servers without any role, login or table of ours."""
    assert backup.exists()
    with embedded_servers(directory / "cluster") as servers:
        yield servers


@pytest.fixture
def target(cluster: Servers, backup: Path, directory: Path) -> Iterator[dict[str, str]]:
    """Return the environment of an operator who restores into an empty database."""
    name = f"restored_{token_hex(4)}"
    with psycopg.connect(cluster.database_url, autocommit=True) as connection:
        connection.execute(f"create database {name} encoding 'UTF8' template template0")
    url = f"{cluster.database_url.rpartition('/')[0]}/{name}"
    store = directory / name
    yield PASSWORDS | {
        "DATABASE_URL": url,
        "BACKUP": str(backup),
        "NEW_STORE": str(store),
        "TOETSFEEDBACK_DATABASE_URL": url,
        "TOETSFEEDBACK_REDIS_URL": cluster.redis_url,
        "TOETSFEEDBACK_STORAGE_URL": store.as_uri(),
        "TOETSFEEDBACK_SIGNING_KEYS": str(backup / "signing-key.pem"),
        "TOETSFEEDBACK_MANIFEST_KEY_FILE": str(backup / "manifest-key.pem"),
        "TOETSFEEDBACK_INSZ_KEY_FILE": str(backup / "insz-key"),
        "TOETSFEEDBACK_VIEWING_KEY_FILE": str(backup / "viewing-key"),
    }
    with psycopg.connect(cluster.database_url, autocommit=True) as connection:
        connection.execute(f"drop database {name} with (force)")


def test_restore_without_the_roles_is_refused(target: dict[str, str]) -> None:
    """The first test of this module: the cluster has no roles yet."""
    restored = run('pg_restore --no-owner --dbname="$DATABASE_URL" "$BACKUP/database.dump"', target)
    assert "errors ignored on restore" in restored.stderr
    migrated = run("toetsfeedback migrate", target)
    assert migrated.returncode == 1
    assert re.search(r"\b0 of [1-9]\d row policies", migrated.stderr)
    assert "--roles-only" in migrated.stderr
    checked = run("toetsfeedback doctor", target)
    assert checked.returncode == 1
    assert "FAILED   row policies" in checked.stdout


def test_restore_as_documented_loses_nothing(target: dict[str, str]) -> None:
    done = run(block("restore"), target)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "FAILED" not in done.stdout
    assert "skipped" not in done.stdout
    compared = re.search(r"^ok +documents: (\S+) of (\S+) compared", done.stdout, re.MULTILINE)
    assert compared is not None
    assert compared[1] == compared[2] != "0"
    verified = run('toetsfeedback audit verify --since "$BACKUP/heads.json"', target)
    assert verified.returncode == 0, verified.stdout + verified.stderr
    assert "0 faults" in verified.stdout
    assert not verified.stdout.startswith("0 entries")


def test_doctor_finds_an_object_that_was_not_restored(target: dict[str, str]) -> None:
    assert run(block("restore"), target).returncode == 0
    removed = next(Path(target["NEW_STORE"], "documents").rglob("*.*"))
    removed.unlink()
    checked = run("toetsfeedback doctor --documents 1000000", target)
    assert checked.returncode == 1
    assert "FAILED   documents" in checked.stdout
