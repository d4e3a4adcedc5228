"""PostgreSQL and Valkey for the length of a block: what the tests of the whole project stand on."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from embedded.instance import Instance


@dataclass(frozen=True, slots=True)
class Servers:
    """`database_url` without a driver, as libpq reads it; `storage_url` of a directory."""

    database_url: str
    redis_url: str
    storage_url: str


@contextmanager
def embedded_servers(directory: Path, *, durable: bool = False) -> Iterator[Servers]:
    """Starts both in the data directory; nothing is left running, not even by a killed process.

    Nothing watches them meanwhile: what is killed inside the block stays down.
    """
    instance = Instance(directory, durable=durable)
    with instance.opened():
        yield Servers(
            database_url=instance.start_postgres(),
            redis_url=instance.start_valkey(),
            storage_url=instance.use_storage(),
        )
