"""A disk without space is named in the first line of an error."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psycopg
import pytest
from psycopg.errors import DiskFull

from embedded.errors import EmbeddedError
from embedded.servers import embedded_servers
from shared.core.database_errors import explain_database_error

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount a disk")

MOUNT = ["mount", "-t", "tmpfs", "-o", "size=160m", "test"]
UNMOUNT = ["umount", "--lazy"]
NO_SPACE = "(?i)no space left on device"


@pytest.fixture
def disk(directory: Path) -> Iterator[Path]:
    """Return a data directory on a disk of its own."""
    directory.mkdir(parents=True)
    subprocess.run([*MOUNT, str(directory)], check=True)
    try:
        yield directory
    finally:
        subprocess.run([*UNMOUNT, str(directory)], check=True)


def fill(disk: Path) -> None:
    with suppress(OSError), (disk / "filling").open("wb") as file:
        while True:
            file.write(bytes(65_536))
            file.flush()


def test_statement_that_needs_space_names_the_disk(disk: Path) -> None:
    with (
        embedded_servers(disk) as servers,
        psycopg.connect(servers.database_url, autocommit=True) as connection,
    ):
        connection.execute("create table filled (text text)")
        fill(disk)
        with pytest.raises(DiskFull) as raised:
            connection.execute(
                "insert into filled select repeat(md5(n::text), 99) from generate_series(1, 9999) n"
            )
        (disk / "filling").unlink()
    sentence = explain_database_error(raised.value)
    assert sentence is not None
    assert "no space left on device" in sentence
    assert "free some space" in sentence


def test_server_that_needs_space_names_the_disk(disk: Path) -> None:
    with embedded_servers(disk):
        pass
    fill(disk)
    with pytest.raises(EmbeddedError, match=NO_SPACE), embedded_servers(disk):
        pass
    (disk / "filling").unlink()


def test_server_that_needs_space_to_recover_names_the_disk(disk: Path) -> None:
    with (
        embedded_servers(disk) as servers,
        psycopg.connect(servers.database_url, autocommit=True) as connection,
    ):
        connection.execute("create table filled as select generate_series(1, 99999) n")
        fill(disk)  # it cannot write its last checkpoint
    remedy = "free some space on the disk of"
    with pytest.raises(EmbeddedError, match=remedy), embedded_servers(disk):
        pass
    (disk / "filling").unlink()
    with embedded_servers(disk) as servers, psycopg.connect(servers.database_url) as connection:
        found = connection.execute("select count(*) from filled").fetchone()
    assert found == (99_999,)
