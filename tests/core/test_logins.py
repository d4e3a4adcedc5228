"""What the holder of the password of one login can do to the others and to the programs."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from threading import Thread

import psycopg
import pytest
from psycopg import sql
from psycopg.errors import InsufficientPrivilege
from pydantic import SecretStr
from sqlalchemy import text

from migrations.logins import ROLES, create_logins, login_of
from shared.core.database import Sessions, open_engine
from shared.core.locks import lock_until_commit
from shared.core.session_limits import LIMITS
from shared.core.settings import Settings
from shared.core.unit_of_work import UnitOfWork

CHANGES = {
    "search_path": "pg_temp",
    "synchronous_commit": "off",
    "row_security": "off",
    "statement_timeout": "1ms",
    "lock_timeout": "1ms",
    "default_transaction_isolation": "serializable",
    "role": "toetsfeedback_auditor",
    "TimeZone": "Asia/Tokyo",
}
EXPECTED = {
    "search_path": "public",
    "synchronous_commit": "on",
    "row_security": "on",
    "statement_timeout": "1h",
    "lock_timeout": "1h",
    "default_transaction_isolation": "read committed",
    "role": "none",
    "TimeZone": "UTC",
}
_LIMIT = "select rolconnlimit from pg_roles where rolname = current_user"


@pytest.fixture(scope="module")
def owner_url(settings: Settings) -> str:
    return settings.database_url.get_secret_value()


@pytest.fixture(scope="module")
def logins(owner_url: str) -> Iterator[Mapping[str, str]]:
    """Create logins that belong to the database of this module; return their URLs by program."""
    yield create_logins(owner_url, dict.fromkeys(ROLES, "secret"))
    with psycopg.connect(owner_url) as owner:
        for program in ROLES:
            name = sql.Identifier(login_of(owner.info.dbname, program))
            owner.execute(sql.SQL("drop role {}").format(name))


def test_each_login_has_a_share_of_the_connections(
    owner_url: str, logins: Mapping[str, str]
) -> None:
    names = [login_of(owner_url.rpartition("/")[2], program) for program in logins]
    query = "select rolconnlimit from pg_roles where rolname = any(%s)"
    with psycopg.connect(owner_url) as owner:
        limits = [limit for (limit,) in owner.execute(query, [names]).fetchall()]
        [most] = owner.execute("select current_setting('max_connections')::int").fetchone() or [0]
    assert len(limits) == len(ROLES)
    assert min(limits) > 0
    assert sum(limits) <= most - 5


def test_further_connections_of_a_login_are_refused(logins: Mapping[str, str]) -> None:
    with ExitStack() as stack:
        login = logins["auditor"]
        [limit] = stack.enter_context(psycopg.connect(login)).execute(_LIMIT).fetchone() or [0]
        for _ in range(limit - 1):
            stack.enter_context(psycopg.connect(login))
        with pytest.raises(psycopg.OperationalError, match="too many connections for role"):
            psycopg.connect(login)


def test_settings_of_a_login_do_not_reach_the_programs(
    owner_url: str, settings: Settings, logins: Mapping[str, str]
) -> None:
    with psycopg.connect(logins["auditor"], autocommit=True) as login:
        for name, value in CHANGES.items():
            change = sql.SQL("alter role session_user set {} = {}")
            login.execute(change.format(sql.SQL(name), sql.Literal(value)))
    url = SecretStr(logins["auditor"])
    engine = open_engine(
        settings.model_copy(update={"database_url": url}),
        application_name="x",
        limits=LIMITS["worker"],
    )
    with engine.connect() as connection:
        shown = text("select current_setting(:name)")
        found = {name: connection.scalar(shown, {"name": name}) for name in CHANGES}
    engine.dispose()
    assert found == EXPECTED
    create_logins(owner_url, {"auditor": "secret"})
    with psycopg.connect(logins["auditor"]) as login:
        assert login.execute("show statement_timeout").fetchone() == ("1h",)


@pytest.mark.parametrize("program", ["operator", "auditor"])
def test_a_login_cannot_take_the_locks_of_other_programs(
    sessions: Sessions, logins: Mapping[str, str], program: str
) -> None:
    with UnitOfWork(sessions) as unit:
        lock_until_commit(unit.session, "names of clients")
    with psycopg.connect(logins[program], autocommit=True) as login:
        login.execute("select pg_advisory_lock(hashtext('names of clients'))")
        for statement in (
            "select from locks for update",
            "insert into locks values ('persons')",
            "lock table locks in share mode",
        ):
            with pytest.raises(InsufficientPrivilege), login.transaction():
                login.execute(statement)
        with UnitOfWork(sessions) as unit:
            unit.session.execute(text("set local lock_timeout = '2s'"))
            lock_until_commit(unit.session, "names of clients")


@pytest.mark.parametrize("name", ["known", "new"])
def test_a_name_is_locked_by_one_transaction_at_a_time(sessions: Sessions, name: str) -> None:
    if name == "known":
        with UnitOfWork(sessions) as unit:
            lock_until_commit(unit.session, name)
    order: list[str] = []

    def lock() -> None:
        with UnitOfWork(sessions) as unit:
            lock_until_commit(unit.session, name)
            order.append("second")

    with UnitOfWork(sessions) as unit:
        lock_until_commit(unit.session, name)
        other = Thread(target=lock)
        other.start()
        waiting = text(
            "select exists (select from pg_locks where locktype = 'transactionid' and not granted)"
        )
        with sessions() as observer:
            while not observer.scalar(waiting):
                observer.rollback()
        order.append("first")
    other.join()
    assert order == ["first", "second"]
