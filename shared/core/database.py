"""The connection to PostgreSQL, and the one place where a transaction is committed."""

import select
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import structlog
from sqlalchemy import Connection, Engine, MetaData, create_engine, event, text
from sqlalchemy.dialects.postgresql import TIMESTAMP
from sqlalchemy.exc import InterfaceError, InvalidatePoolError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.orm import DeclarativeBase, Session, sessionmaker

from shared.core.errors import ConfigurationError, Refusal
from shared.core.settings import Settings

logger = structlog.get_logger(__name__)

INSTANT = TIMESTAMP(timezone=True)
"""Column type of every `…_at`; stored in UTC."""

IDLE_LEASES = 4
"""How many leases a transaction may stand idle: longer than a slow object store takes."""

NOTICED_WHEN_GONE = {
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 30_000,
}
"""A server that vanished without a word is given up within a minute; as libpq takes it."""

_IS_PRIVILEGED = """
select session_user, role.rolsuper or role.rolbypassrls or exists (
    select from pg_class where relnamespace = 'public'::regnamespace
        and pg_has_role(session_user, relowner, 'member')
)
from pg_roles role where role.rolname = session_user
"""

ACTS_FOR = (
    "set_config('toetsfeedback.client', :client, true),"
    " set_config('toetsfeedback.kind', :kind, true),"
    " set_config('toetsfeedback.school', :school, true)"
)
"""Columns of a statement by which its transaction acts for someone from there on, by `acting`."""

_ACT_FOR = text(f"select {ACTS_FOR}")
_ACTING_FOR = "acting_for"

DATABASE_AWAY = (OperationalError, InterfaceError, PoolTimeoutError)
"""Errors of the connection, not of what was asked: the same may work again a moment later."""

_BEFORE_COMMIT = "before_commit"
_IN_ANY_CASE = "in_any_case"
_AFTER_COMMIT = "after_commit"


class Base(DeclarativeBase):
    """Tables of all rooms; constraint names follow one pattern so that migrations can name them."""

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


def open_engine(settings: Settings, *, application_name: str) -> Engine:
    """A pool whose sessions run in UTC; a connection the server dropped is replaced unseen.

    The server ends a transaction that long shows no life: what holds one may be frozen or cut off,
    and others wait for its locks.
    """
    idle = round(IDLE_LEASES * settings.job_lease_seconds * 1000)
    engine = create_engine(
        settings.sqlalchemy_url,
        pool_size=settings.database_pool_size,
        pool_use_lifo=True,  # what was used last is still in the processor's caches
        max_overflow=0,
        hide_parameters=True,
        connect_args={
            "application_name": application_name,
            "options": f"-c timezone=UTC -c idle_in_transaction_session_timeout={idle}",
            "connect_timeout": 5,
            **NOTICED_WHEN_GONE,
        },
    )
    event.listen(engine, "checkout", _require_quiet)
    return engine


def _require_quiet(connection: Any, _record: object, _proxy: object) -> None:
    """Has a connection replaced, and all that are as old, on which the server has hung up.

    Nothing waits to be read on one that is at rest, but its end: seen without asking the server.
    """
    waiting = select.poll()
    waiting.register(connection.fileno(), select.POLLIN)
    if waiting.poll(0):
        raise InvalidatePoolError("the server has hung up")


def refuse_privileged_logins(engine: Engine) -> None:
    """Lets no connection be used whose login could get round the rights and policies of tables."""
    event.listen(engine, "connect", _require_harmless)


def _require_harmless(connection: Any, _record: object) -> None:
    """Raises ConfigurationError for a superuser, an owner of tables, or who bypasses policies."""
    login, is_privileged = connection.execute(_IS_PRIVILEGED).fetchone()
    connection.rollback()
    if is_privileged:
        raise ConfigurationError(
            f"the API must not use the database as {login}, which is a superuser, owns tables or "
            "bypasses row-level security: name a login that is only in the role toetsfeedback_api "
            "in TOETSFEEDBACK_DATABASE_URL"
        )


def session_factory(engine: Engine) -> Sessions:
    sessions = sessionmaker(engine, expire_on_commit=False)
    event.listen(sessions, "after_begin", _introduce)
    event.listen(sessions, "before_commit", _finish)
    event.listen(sessions, "after_commit", lambda session: session.info.pop(_IN_ANY_CASE, None))
    return sessions


def act_for(session: Session, client: str, kind: str, school_id: str | None) -> None:
    """Says for whom the session's transactions act, before they begin: policies of tables ask.

    The database forgets it at the end of the transaction. Without it an API's login sees nothing.
    """
    session.info[_ACTING_FOR] = acting(client, kind, school_id)


def acting(client: str, kind: str, school_id: str | None) -> dict[str, str]:
    """The parameters of `ACTS_FOR`."""
    return {"client": client, "kind": kind, "school": school_id or ""}


def _introduce(session: Session, _transaction: object, connection: Connection) -> None:
    acting_for = session.info.get(_ACTING_FOR)
    if acting_for is not None:
        connection.execute(_ACT_FOR, acting_for)


def before_commit(session: Session, action: Callable[[], None]) -> None:
    """Runs `action` as the last thing in the session's transaction, if it is committed.

    For what takes a lock that others wait for: none is held longer than the commit takes.
    """
    session.info.setdefault(_BEFORE_COMMIT, []).append(action)


def _finish(session: Session) -> None:
    actions = session.info.pop(_BEFORE_COMMIT, [])
    if actions:
        session.flush()
    for action in actions:
        action()


def after_commit(session: Session, action: Callable[[], None]) -> None:
    """Runs `action` once the session's transaction is committed, and never if it is not.

    What fails there is logged, not raised: the rows are safe, and a sweeper looks after them.
    """
    session.info.setdefault(_AFTER_COMMIT, []).append(action)


def end_at_once(session: Session) -> None:
    """Commits what the session has done so far, before `transaction` would.

    So that no transaction stands open for long, or that the thread which did the work ends it. What
    comes after is another one, for the same caller.
    """
    session.commit()


def has_ended(session: Session) -> bool:
    """Whether nothing is left for the end of its `transaction` that could take time."""
    return not session.in_transaction() and _AFTER_COMMIT not in session.info


def in_any_case(session: Session, action: Callable[[Session], object]) -> None:
    """Runs `action` on a session of its own if this session's transaction is undone.

    For what has to stay of it, whatever becomes of the rest.
    """
    session.info.setdefault(_IN_ANY_CASE, []).append(action)


@contextmanager
def transaction(sessions: Sessions) -> Iterator[Session]:
    """One unit of work: committed at the end, rolled back on an error.

    A `Refusal` is committed too, since policy decides before anything else is written and the
    trail of a refusal has to stay.
    """
    with sessions() as session:
        try:
            try:
                yield session
            except Refusal:
                session.commit()
                raise
            session.commit()
        except BaseException:
            session.rollback()
            _do_in_any_case(sessions, session)
            raise
        for action in session.info.pop(_AFTER_COMMIT, []):
            try:
                action()
            except Exception as error:  # noqa: BLE001  # whatever fails, the commit stands
                logger.warning("after_commit_failed", error=type(error).__name__)


def _do_in_any_case(sessions: Sessions, undone: Session) -> None:
    actions = undone.info.pop(_IN_ANY_CASE, [])
    if not actions:
        return
    try:
        with sessions.begin() as session:
            for action in actions:
                action(session)
    except DATABASE_AWAY as error:
        logger.warning("not_done_in_any_case", error=type(error).__name__)
