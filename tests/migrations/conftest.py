"""A database without a schema, for tests that migrate it."""

from collections.abc import Iterator
from secrets import token_hex

import psycopg
import pytest
from pydantic import SecretStr
from sqlalchemy import Engine

from embedded.servers import Servers
from shared.core.database import open_engine
from shared.core.settings import Settings


@pytest.fixture
def empty(servers: Servers, settings: Settings) -> Iterator[Engine]:
    name = f"empty_{token_hex(6)}"
    with psycopg.connect(servers.database_url, autocommit=True) as connection:
        connection.execute(f"create database {name}")
    url = SecretStr(f"{servers.database_url.rsplit('/', 1)[0]}/{name}")
    engine = open_engine(
        settings.model_copy(update={"database_url": url}), application_name="tests"
    )
    yield engine
    engine.dispose()
    with psycopg.connect(servers.database_url, autocommit=True) as connection:
        connection.execute(f"drop database {name} with (force)")
