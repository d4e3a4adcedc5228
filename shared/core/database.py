"""The connection pool to PostgreSQL, its sessions, and the settings of their transactions."""

import select
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import datetime
from functools import partial
from threading import Event
from types import MappingProxyType
from typing import Any

from sqlalchemy import Connection, Engine, ExceptionContext, MetaData, create_engine, event, text
from sqlalchemy.dialects.postgresql import TIMESTAMP
from sqlalchemy.exc import InterfaceError, InvalidatePoolError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.orm import DeclarativeBase, Session, sessionmaker

from shared.core.bounded_connection import CONNECT_SECONDS, BoundedConnection, connect
from shared.core.clock_guard import GATE_LIMIT, ClockGuard
from shared.core.errors import ConfigurationError
from shared.core.schema import require_schema
from shared.core.settings import Settings

INSTANT = TIMESTAMP(timezone=True)
"""Column type of every `…_at`; stored in UTC."""

IDLE_TRANSACTION_LEASES = 4
"""The maximum idle time of a transaction, in job leases; a slow object store takes less."""

POOL_SECONDS = 30.0
"""The longest time to wait for a connection of the pool outside of the API."""

TCP_KEEPALIVE = {
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 30_000,
}
"""libpq parameters: a lost connection to the server is detected within a minute."""

_OWN_SETTINGS = {
    "timezone": "UTC",
    "search_path": "public",
    "role": "none",
    "row_security": "on",
    "synchronous_commit": "on",
    "default_transaction_isolation": "read\\ committed",
}
"""Settings on which the programs rely. Those of the connection win over those of the login, which
the holder of its password can change."""

_IDLE = "idle_in_transaction_session_timeout"

_SESSION = """
select pg_backend_pid(), current_setting('TimeZone'),
       current_setting('idle_in_transaction_session_timeout')::interval = %s * interval '1 ms'
"""

NO_POOLER = (
    "the connection to PostgreSQL leads through a connection pooler, such as PgBouncer, which "
    "loses the settings and the prepared statements of a session. Name PostgreSQL itself in "
    "TOETSFEEDBACK_DATABASE_URL: each process has a pool of its own (docs/operations.md)"
)
_REFUSED_BY_A_POOLER = "unsupported startup parameter"

_IS_PRIVILEGED = """
select session_user, role.rolsuper or role.rolbypassrls or exists (
    select from pg_class where relnamespace = 'public'::regnamespace
        and pg_has_role(session_user, relowner, 'member')
)
from pg_roles role where role.rolname = session_user
"""

DATABASE_UNAVAILABLE = (OperationalError, InterfaceError, PoolTimeoutError)
"""Errors of the connection, not of the statement: a retry may succeed."""

_LOCAL_SETTINGS, _CLOCK = "local_settings", "clock"


class Base(DeclarativeBase):
    """Base of all tables; the names of constraints follow a pattern, for the migrations."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


Sessions = sessionmaker[Session]


def open_engine(
    settings: Settings,
    *,
    application_name: str,
    limits: Mapping[str, str] = MappingProxyType({}),
    max_overflow: int = 0,
    pool_seconds: float = POOL_SECONDS,
    wait_seconds: float | None = None,
) -> Engine:
    """Open a connection pool whose sessions run in UTC.

    `limits` are those of `session_limits.py`; without them, the login has its own.

    `max_overflow` connections are opened above the size of the pool, and closed after their use.
    Nobody waits longer than `pool_seconds` for one, and than the current deadline or `wait_seconds`
    for the response to a statement.

    A connection that the server has closed is replaced. The server ends a transaction that is idle
    for too long: its process may be frozen or disconnected while others wait for its locks. A new
    connection raises ConfigurationError when its session is not one of PostgreSQL itself, or when
    the database does not store text as UTF-8.
    """
    idle = round(IDLE_TRANSACTION_LEASES * settings.job_lease_seconds * 1000)
    engine = create_engine(
        settings.sqlalchemy_url,
        pool_size=settings.database_pool_size,
        pool_use_lifo=True,  # the last used connection is still in the caches of the processor
        max_overflow=max_overflow,
        pool_timeout=pool_seconds,
        hide_parameters=True,
        connect_args={
            "application_name": application_name,
            "options": _options(_OWN_SETTINGS | {_IDLE: str(idle), **limits}),
            "connect_timeout": CONNECT_SECONDS,
            **TCP_KEEPALIVE,
        },
    )
    event.listen(engine, "do_connect", partial(_connect, wait_seconds))
    _check_connections(engine, partial(_require_own_session, idle), is_first=True)
    _check_connections(engine, _require_unicode, is_first=True)
    event.listen(engine, "handle_error", _explain_refusal)
    event.listen(engine, "checkout", _require_connected)
    return engine


def _options(settings: Mapping[str, str]) -> str:
    return " ".join(f"-c {name}={value}" for name, value in settings.items())


def _connect(
    wait_seconds: float | None, _dialect: object, _record: object, arguments: Any, parameters: Any
) -> BoundedConnection:
    return connect(*arguments, wait_seconds=wait_seconds, **parameters)


def _check_connections(
    engine: Engine, check: Callable[[Any], None], *, is_first: bool = False
) -> None:
    """Run a check on each new connection; close the connection when the check refuses it.

    `is_first`: before all other checks, and before SQLAlchemy reads anything.
    """

    def run(connection: Any, _record: object) -> None:
        try:
            check(connection)
        except BaseException:
            connection.close()
            raise

    event.listen(engine, "connect", run, insert=is_first)


def _require_unicode(connection: Any) -> None:
    encoding = connection.info.parameter_status("server_encoding")
    if encoding != "UTF8":
        raise ConfigurationError(
            f"the database {connection.info.dbname} has the encoding {encoding}, which cannot "
            "store every name: create it with `createdb --encoding=UTF8 --template=template0`"
        )


def _require_own_session(idle: int, connection: Any) -> None:
    """Raise ConfigurationError when the session belongs to a connection pooler.

    A pooler answers with an identifier of its own instead of that of the server process, and drops
    the settings of the connection that it does not know.
    """
    found = connection.execute(_SESSION, [idle]).fetchone()
    connection.rollback()
    if found != (connection.info.backend_pid, "UTC", True):
        raise ConfigurationError(NO_POOLER)


def _explain_refusal(context: ExceptionContext) -> None:
    """Raise ConfigurationError when a pooler has refused the settings of the connection."""
    if _REFUSED_BY_A_POOLER in str(context.original_exception):
        raise ConfigurationError(NO_POOLER) from None


def require_usable_database(engine: Engine) -> None:
    """Connect once, so that a process does not start with a database that it cannot use.

    A database that is unreachable is no error here: each new connection is checked again.

    Raises:
        ConfigurationError: from the checks of a new connection.
    """
    with suppress(OperationalError):
        engine.connect().close()


def refuse_other_schemas(engine: Engine) -> None:
    """Refuse connections until the schema of the database is the one that this version needs."""
    accepted = Event()

    def require(connection: Any) -> None:
        if not accepted.is_set():
            require_schema(connection)
            connection.rollback()
            accepted.set()

    _check_connections(engine, require)


def _require_connected(connection: BoundedConnection, _record: object, _proxy: object) -> None:
    """Replace a connection that the server has closed, and all connections of the same age.

    An idle connection is readable only when it is closed, so the check needs no round trip.
    """
    connection.drop_at = None
    waiting = select.poll()
    waiting.register(connection.fileno(), select.POLLIN)
    if waiting.poll(0):
        raise InvalidatePoolError("the server has closed the connection")


def refuse_privileged_logins(engine: Engine) -> None:
    """Refuse new connections of a login that can bypass the privileges and policies of tables."""
    _check_connections(engine, _require_unprivileged)


def _require_unprivileged(connection: Any) -> None:
    """Raise ConfigurationError for a superuser, an owner of tables, or a login with BYPASSRLS."""
    login, is_privileged = connection.execute(_IS_PRIVILEGED).fetchone()
    connection.rollback()
    if is_privileged:
        raise ConfigurationError(
            f"the API must not use the database as {login}, which is a superuser, owns tables or "
            "bypasses row-level security: name a login that is only in the role toetsfeedback_api "
            "in TOETSFEEDBACK_DATABASE_URL"
        )


def session_factory(engine: Engine, clock: ClockGuard | None = None) -> Sessions:
    """Return a factory of sessions on the pool; `UnitOfWork` opens and commits them.

    With a `clock`, nothing opens in their transactions while it differs from the database's.
    """
    sessions = sessionmaker(engine, expire_on_commit=False, info={_CLOCK: clock})
    event.listen(sessions, "after_begin", _apply_local_settings)
    return sessions


def set_local_settings(session: Session, settings: Mapping[str, str]) -> None:
    """Apply PostgreSQL settings, by name, at the start of each transaction of the session.

    They are local to the transaction.
    """
    session.info[_LOCAL_SETTINGS] = settings


def observe_clock(session: Session, sent_at: datetime | None, database_at: datetime) -> None:
    """Compare the clocks after a statement of the session, sent at a moment of `sending_moment`."""
    clock: ClockGuard | None = session.info.get(_CLOCK)
    if clock is not None and sent_at is not None and clock.observe(sent_at, database_at):
        limit = clock.settings() or {GATE_LIMIT: ""}
        _set(session.connection(), limit)


def sending_moment(session: Session) -> datetime | None:
    """Return the present moment by this machine's clock, if the session compares it."""
    clock: ClockGuard | None = session.info.get(_CLOCK)
    return None if clock is None else clock.now()


def _apply_local_settings(session: Session, _transaction: object, connection: Connection) -> None:
    settings: Mapping[str, str] = session.info.get(_LOCAL_SETTINGS) or {}
    clock: ClockGuard | None = session.info.get(_CLOCK)
    settings = {**settings, **(clock.settings() if clock else {})}
    if settings:
        _set(connection, settings)


def _set(connection: Connection, settings: Mapping[str, str]) -> None:
    numbered = enumerate(settings.items())
    values = {f"value_{number}": value for number, (_, value) in numbered}
    columns = (
        f"set_config('{name}', :{key}, true)" for name, key in zip(settings, values, strict=True)
    )
    connection.execute(text(f"select {', '.join(columns)}"), values)
