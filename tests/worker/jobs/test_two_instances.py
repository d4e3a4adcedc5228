"""The same delivery gives the same bytes on two instances, and after a forced build."""

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from secrets import token_hex
from typing import Any

import psycopg
import pytest

from shared.core.settings import Settings
from shared.documents.kinds import DocumentKind
from shared.documents.reading_guides.texts import GUIDE_TEXTS
from tests.conftest import TEMPLATE

ROOT = Path(__file__).parents[3]


@contextmanager
def database(settings: Settings) -> Iterator[str]:
    """Yield the URL of a new, migrated, empty database on the same server."""
    server = settings.database_url.get_secret_value().rpartition("/")[0]
    name = f"test_{token_hex(8)}"
    with psycopg.connect(f"{server}/postgres", autocommit=True) as connection:
        connection.execute(f"create database {name} template {TEMPLATE}")
        yield f"{server}/{name}"
        connection.execute(f"drop database {name} with (force)")


def documents_of(
    settings: Settings, url: str, store: Path, *options: str
) -> dict[tuple[Any, ...], str]:
    """Return the hashes of all documents of an instance, by what they are about."""
    command = [sys.executable, "-m", "tests.worker.jobs.instance", *options]
    environment = os.environ | {
        "TOETSFEEDBACK_DATABASE_URL": url,
        "TOETSFEEDBACK_REDIS_URL": settings.redis_url.get_secret_value(),
        "TOETSFEEDBACK_STORAGE_URL": store.as_uri(),
        "PYTHONHASHSEED": str(len(options)),
    }
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, cwd=ROOT, env=environment)
    return {tuple(about): digest for about, digest in json.loads(done.stdout)}


@pytest.mark.timeout(400)  # two imports and three builds
def test_two_instances_make_the_same_bytes_of_every_kind(
    settings: Settings, tmp_path: Path
) -> None:
    with database(settings) as one, database(settings) as another:
        first = documents_of(settings, one, tmp_path / "one")
        second = documents_of(settings, another, tmp_path / "another", "--other")
    assert first == second
    kinds = Counter(kind for _, kind, *_ in first)
    assert set(kinds) == {*DocumentKind, "readingGuide"}
    assert kinds["readingGuide"] == len(GUIDE_TEXTS)
    assert min(kinds.values()) > 1
