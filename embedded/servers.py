"""PostgreSQL and Valkey that run during a block, for tests."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from embedded.instance import Instance


@dataclass(frozen=True, slots=True)
class Servers:
    """The URLs of the servers; `database_url` is for libpq, without a driver."""

    database_url: str
    redis_url: str
    storage_url: str


@contextmanager
def embedded_servers(directory: Path, *, durable: bool = False) -> Iterator[Servers]:
    """Start both servers in the data directory, and stop them even if this process is killed.

    They are not supervised: a server that is killed inside the block is not restarted.
    """
    instance = Instance(directory, durable=durable)
    with instance.open():
        yield Servers(
            database_url=instance.start_postgres(),
            redis_url=instance.start_valkey(),
            storage_url=instance.use_storage(),
        )
