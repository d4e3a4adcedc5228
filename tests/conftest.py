"""Servers, databases and keys for all tests: real ones, started once per run.

`TOETSFEEDBACK_TEST_DATABASE_URL` and `TOETSFEEDBACK_TEST_REDIS_URL`, set together, name running
servers to use instead.
"""

import gc
import os
import shutil
import tempfile
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from pathlib import Path
from secrets import token_hex
from typing import Any

import psycopg
import pytest
from joserfc.jwk import ECKey
from pydantic import SecretStr
from sqlalchemy import Engine, text
from sqlalchemy.orm import Session

from embedded.servers import Servers, embedded_servers
from migrations.logins import ROLES, create_logins, derived_passwords, login_of, logins_of
from migrations.statistics import restrict_statistics
from migrations.upgrade import migrate
from shared.core.database import Sessions, open_engine, session_factory
from shared.core.settings import Settings
from shared.core.unit_of_work import UnitOfWork
from shared.jobs.queue import WakeUpQueue, open_broker
from shared.oauth.tokens import TokenAuthority
from shared.storage.store import Storage, open_storage
from tests.flushes import Flushes

TEMPLATE = "toetsfeedback_template"
RUN = pytest.StashKey[ExitStack]()
SERVERS = pytest.StashKey[Servers]()
LOGINS = pytest.StashKey[dict[str, str]]()
LONGEST_NAME = 80
LONGEST = (
    *("tests/api/test_matrix.py", "tests/api/test_openapi.py"),
    *("tests/chaos/", "tests/journeys/", "tests/leaks/", "tests/worker/jobs/"),
)
"""Where the modules are that take more than half a minute."""

for proxy in ("http_proxy", "https_proxy", "all_proxy"):  # every server of the tests is local
    os.environ.pop(proxy, None)
    os.environ.pop(proxy.upper(), None)
os.environ.pop("PYTHONUNBUFFERED", None)  # it hides output that a program does not flush
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # each of many processes would compile all again


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--chaos-long", action="store_true", help="inject more faults, for longer")
    parser.addoption("--chaos-seed", type=int, default=1, help="seed of the random faults")


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Look for no garbage among modules and tests, and seldom for that of tests."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.set_threshold(20_000)
        gc.enable()


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep the tests of a module in one process, as they share its fixtures; begin with `LONGEST`.

    A long module that begins late ends when the other processes have nothing left to do.
    """
    items.sort(key=lambda item: not item.nodeid.startswith(LONGEST))
    for item in items:
        if item.get_closest_marker("xdist_group") is None:
            item.add_marker(pytest.mark.xdist_group(item.nodeid.partition("::")[0]))


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Keep tokens out of the names of tests: tokens differ per run, and a name must not."""
    return argname if isinstance(val, str) and len(val) > LONGEST_NAME else None


def pytest_sessionstart(session: pytest.Session) -> None:
    """Start the servers in the controller process, and build the template database."""
    config = session.config
    if hasattr(config, "workerinput"):
        config.stash[SERVERS] = Servers(**config.workerinput["servers"])
        config.stash[LOGINS] = config.workerinput["logins"]
        return
    if config.option.collectonly:
        return
    stack = config.stash[RUN] = ExitStack()
    directory = Path(tempfile.mkdtemp(prefix="toetsfeedback-tests-"))
    stack.callback(shutil.rmtree, directory, ignore_errors=True)
    servers = config.stash[SERVERS] = stack.enter_context(_servers(directory))
    with psycopg.connect(servers.database_url, autocommit=True) as connection:
        connection.execute(f"drop database if exists {TEMPLATE}")
        connection.execute(f"create database {TEMPLATE}")
    engine = open_engine(_settings(servers, TEMPLATE, directory), application_name="tests-template")
    migrate(engine)
    engine.dispose()
    owner_url = _url_of(servers.database_url, TEMPLATE)
    config.stash[LOGINS] = create_logins(owner_url, derived_passwords(owner_url))
    restrict_statistics(owner_url, logins_of(owner_url))
    with psycopg.connect(owner_url) as connection:
        for program in ROLES:  # all test processes share these logins
            connection.execute(f"alter role {login_of(TEMPLATE, program)} connection limit -1")


@contextmanager
def _servers(directory: Path) -> Iterator[Servers]:
    urls = [
        os.environ.get(f"TOETSFEEDBACK_TEST_{server}_URL", "") for server in ("DATABASE", "REDIS")
    ]
    if all(urls):
        yield Servers(urls[0], urls[1], directory.as_uri())
    elif any(urls):
        raise pytest.UsageError("set both TOETSFEEDBACK_TEST_DATABASE_URL and …_REDIS_URL")
    else:
        with embedded_servers(directory) as servers:
            yield servers


def pytest_configure_node(node: Any) -> None:
    """Pass the addresses of the servers to each parallel test process."""
    node.workerinput["servers"] = asdict(node.config.stash[SERVERS])
    node.workerinput["logins"] = node.config.stash[LOGINS]


def pytest_unconfigure(config: pytest.Config) -> None:
    if RUN in config.stash:
        config.stash[RUN].close()


def _settings(servers: Servers, database: str, directory: Path, redis_db: int = 0) -> Settings:
    return Settings(
        database_url=SecretStr(_url_of(servers.database_url, database)),
        redis_url=SecretStr(_url_of(servers.redis_url, str(redis_db))),
        storage_url=f"file://{directory / 'objects'}",
        signing_keys=directory / "signing.pem",
        insz_key_file=directory / "insz.key",
        manifest_key_file=directory / "manifest.pem",
        viewing_key_file=directory / "viewing.key",
        job_lease_seconds=3.0,
        job_sweep_seconds=0.2,
        api_address_requests_per_minute=100_000,  # all tests have the same address
    )


def _url_of(url: str, database: str) -> str:
    return f"{url.rsplit('/', 1)[0]}/{database}"


@pytest.fixture(scope="session")
def servers(request: pytest.FixtureRequest) -> Servers:
    return request.config.stash[SERVERS]


@pytest.fixture(scope="module")
def settings(
    servers: Servers, tmp_path_factory: pytest.TempPathFactory, worker_id: str
) -> Iterator[Settings]:
    """Return the settings of a new, migrated, empty database, an empty store and new keys.

    Their login owns the database; `settings_of` a program have the login of that program.
    """
    directory = tmp_path_factory.mktemp("environment")
    for name in ("insz.key", "viewing.key"):
        (directory / name).write_text(token_hex(32))
    for name in ("signing.pem", "manifest.pem"):
        (directory / name).write_bytes(ECKey.generate_key("P-256").as_pem(private=True))
    database = f"test_{token_hex(8)}"
    with psycopg.connect(servers.database_url, autocommit=True) as connection:
        connection.execute(f"create database {database} template {TEMPLATE}")
    redis_db = 1 + int(worker_id.removeprefix("gw")) if worker_id != "master" else 0
    yield _settings(servers, database, directory, redis_db)
    with psycopg.connect(servers.database_url, autocommit=True) as connection:
        connection.execute(f"drop database {database} with (force)")


@pytest.fixture(scope="module")
def settings_of(request: pytest.FixtureRequest, settings: Settings) -> Callable[[str], Settings]:
    """Return a function that gives the same settings with the login of a program."""
    database = settings.database_url.get_secret_value().rpartition("/")[2]
    logins = request.config.stash[LOGINS]

    def settings_of(program: str) -> Settings:
        url = SecretStr(_url_of(logins[program], database))
        return settings.model_copy(update={"database_url": url})

    return settings_of


@pytest.fixture(scope="module")
def api_settings(settings_of: Callable[[str], Settings]) -> Settings:
    return settings_of("api")


@pytest.fixture(scope="module")
def engine(settings: Settings) -> Iterator[Engine]:
    engine = open_engine(settings, application_name="tests")
    yield engine
    engine.dispose()


@pytest.fixture(scope="module")
def sessions(engine: Engine) -> Sessions:
    return session_factory(engine)


@pytest.fixture
def unit(engine: Engine) -> Iterator[UnitOfWork]:
    """Return a unit of work that is rolled back after the test, even if it was committed."""
    with engine.connect() as connection, connection.begin() as outer:
        sessions = session_factory(engine)
        sessions.configure(bind=connection, join_transaction_mode="create_savepoint")
        unit = UnitOfWork(sessions)
        yield unit
        unit.session.close()
        outer.rollback()


@pytest.fixture
def session(unit: UnitOfWork) -> Session:
    """Return the session of that unit of work."""
    return unit.session


@pytest.fixture(scope="module")
def storage(settings: Settings) -> Storage:
    return open_storage(settings.storage_url)


@pytest.fixture
def flushes(monkeypatch: pytest.MonkeyPatch) -> Flushes:
    """Record the flushes to the disk from now on."""
    flushes = Flushes()
    flushes.record(monkeypatch)
    return flushes


@pytest.fixture(scope="module")
def queue(settings: Settings) -> Iterator[WakeUpQueue]:
    broker = open_broker(settings, middleware=[])
    broker.flush_all()
    yield WakeUpQueue(broker)
    broker.close()


@pytest.fixture
def no_jobs(sessions: Sessions) -> Iterator[None]:
    """Remove the jobs that a test commits: the next test would claim their items."""
    yield
    with UnitOfWork(sessions) as unit:
        for table in ("job_failures", "job_items", "jobs"):
            unit.session.execute(text(f"delete from {table}"))


@pytest.fixture(scope="module")
def authority(settings: Settings) -> TokenAuthority:
    return TokenAuthority.of(settings)
