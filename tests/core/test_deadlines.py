"""Statements keep to the deadline of their context, and to the limits of their connection."""

import time
from collections.abc import Callable, Iterator
from threading import Timer
from urllib.parse import urlsplit

import pytest
from pydantic import SecretStr
from sqlalchemy import Engine, text
from sqlalchemy.exc import OperationalError

from shared.core.bounded_connection import BoundedConnection, DeadlineExceededError
from shared.core.database import open_engine
from shared.core.deadlines import deadline
from shared.core.settings import Settings
from tests.chaos.deployment import with_port
from tests.chaos.tcp_proxy import HALF_OPEN, SILENT, TcpProxy

SLEEP = text("select pg_sleep(20)")
NOISE_SECONDS = 3.0


@pytest.fixture
def proxy(settings: Settings) -> Iterator[TcpProxy]:
    proxy = TcpProxy(urlsplit(settings.database_url.get_secret_value()).port or 5432)
    with proxy.running():
        yield proxy


@pytest.fixture
def engine(settings: Settings, proxy: TcpProxy) -> Iterator[Engine]:
    """Return an engine through the proxy, whose statements take at most two seconds each."""
    url = with_port(settings.database_url.get_secret_value(), proxy.port)
    through = settings.model_copy(update={"database_url": SecretStr(url)})
    engine = open_engine(through, application_name="tests", wait_seconds=2)
    yield engine
    engine.dispose()


def seconds_until_closed(work: Callable[[], object]) -> float:
    started = time.monotonic()
    with pytest.raises(OperationalError) as raised:
        work()
    assert isinstance(raised.value.orig, DeadlineExceededError)
    assert raised.value.connection_invalidated or "no time is left" in str(raised.value)
    return time.monotonic() - started


def driver_of(connection: object) -> BoundedConnection:
    driver: BoundedConnection = connection.connection.driver_connection  # type: ignore[attr-defined]
    return driver


def test_statement_ends_with_the_deadline(engine: Engine) -> None:
    with engine.connect() as connection, deadline(0.5):
        assert 0.5 <= seconds_until_closed(lambda: connection.execute(SLEEP)) < 0.5 + NOISE_SECONDS


@pytest.mark.parametrize("fault", [SILENT, HALF_OPEN])
def test_silent_server_ends_no_later(engine: Engine, proxy: TcpProxy, fault: str) -> None:
    with engine.connect() as connection, deadline(0.5):
        proxy.fault = fault
        seconds = seconds_until_closed(lambda: connection.execute(text("select 1")))
    assert seconds < 0.5 + NOISE_SECONDS
    proxy.fault = ""
    with engine.connect() as connection:
        assert connection.scalar(text("select 1")) == 1


def test_connecting_takes_no_longer_than_the_deadline(engine: Engine, proxy: TcpProxy) -> None:
    proxy.fault = SILENT
    started = time.monotonic()
    with deadline(3), pytest.raises(OperationalError):
        engine.connect()
    assert time.monotonic() - started < 3 + NOISE_SECONDS
    with deadline(1):
        assert seconds_until_closed(engine.connect) < 1


def test_connection_has_a_limit_of_its_own(engine: Engine) -> None:
    with engine.connect() as connection:
        assert 2 <= seconds_until_closed(lambda: connection.execute(SLEEP)) < 2 + NOISE_SECONDS


def test_another_thread_can_close_a_connection_that_waits(engine: Engine) -> None:
    with engine.connect() as connection:
        Timer(0.2, lambda: driver_of(connection).drop_after(0.2)).start()
        assert seconds_until_closed(lambda: connection.execute(SLEEP)) < 2
    with engine.connect() as connection:
        assert driver_of(connection).drop_at is None


def test_deadline_can_be_moved() -> None:
    with deadline(5) as limit:
        assert 4 < limit.seconds_left <= 5
        limit.end()
        assert limit.has_passed
        limit.restart()
        assert not limit.has_passed
