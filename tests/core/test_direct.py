"""A connection that sends what it has prepared itself, and the last of it with the commit."""

import os
import socket
import subprocess
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from threading import Thread
from typing import Any

import psycopg
import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError, IntegrityError, NotSupportedError, OperationalError
from sqlalchemy.orm import Session

from shared.core.database import Sessions, session_factory
from shared.core.statements import Statement
from shared.core.unit_of_work import UnitOfWork

MARK = Statement.of(text("insert into marks values (:mark)"))
MARKS = Statement.of(text("select mark from marks order by mark"))
BAD = {"mark": "bad"}
LOCK, KEY = Statement.of(text("select pg_advisory_xact_lock(:key)")), {"key": 4711}


@pytest.fixture(autouse=True)
def _marks(sessions: Sessions) -> Iterator[None]:
    with UnitOfWork(sessions) as unit:
        unit.session.execute(
            text("create table marks (mark text primary key check (mark <> 'bad'))")
        )
    yield
    with UnitOfWork(sessions) as unit:
        unit.session.execute(text("drop table marks"))


def marks(sessions: Sessions) -> list[str]:
    with UnitOfWork(sessions) as unit:
        return [mark for (mark,) in MARKS.rows(unit.session, {})]


Work = Callable[[Session], object]


def in_one(sessions: Sessions, *work: Work) -> None:
    """Each in turn, in one transaction."""
    with UnitOfWork(sessions) as unit:
        for each in work:
            each(unit.session)


def added(mark: str) -> Work:
    return lambda session: MARK.add_to_commit(session, {"mark": mark})


def executed(sql: str) -> Work:
    return lambda session: session.execute(text(sql))


OFTEN = [executed("select 1")] * 10
"""So often that psycopg prepares it."""


def given_up(_: Session) -> None:
    raise ValueError("undone")


def test_what_is_added_goes_with_the_commit(sessions: Sessions) -> None:
    with UnitOfWork(sessions) as unit:
        MARK.add_to_commit(unit.session, {"mark": "b"})
        MARK.add_to_commit(unit.session, {"mark": "a"})
        assert MARKS.rows(unit.session, {}) == []
    assert marks(sessions) == ["a", "b"]
    with UnitOfWork(sessions) as unit:
        unit.session.execute(text("select 1"))
    assert marks(sessions) == ["a", "b"]  # not sent again with the next one


def test_what_is_added_is_gone_with_what_is_undone(sessions: Sessions) -> None:
    with pytest.raises(ValueError, match="undone"):
        in_one(sessions, added("a"), given_up)
    in_one(sessions, executed("select 1"))
    assert marks(sessions) == []


def test_a_commit_fails_with_what_was_added_to_it(sessions: Sessions) -> None:
    with pytest.raises(IntegrityError) as raised:
        in_one(sessions, executed("insert into marks values ('a')"), added("bad"), added("b"))
    assert isinstance(raised.value.orig, psycopg.errors.CheckViolation)
    assert marks(sessions) == []


def test_what_is_refused_at_the_very_end_is_an_error_too(sessions: Sessions) -> None:
    late = "alter table marks add unique (mark) deferrable initially deferred"
    in_one(sessions, executed("alter table marks drop constraint marks_pkey"), executed(late))
    with pytest.raises(IntegrityError):
        in_one(sessions, added("a"), added("a"))
    assert marks(sessions) == []


def test_what_was_added_stays_when_the_server_forgets_how_it_was_prepared(
    sessions: Sessions,
) -> None:
    other = Statement.of(text("select :mark"))
    with UnitOfWork(sessions) as unit:
        MARK.add_to_commit(unit.session, {"mark": "a"})
        inside = unit.session.begin_nested()
        for each in OFTEN:
            each(unit.session)
        inside.rollback()
        assert other.rows(unit.session, {"mark": "x"}) == [("x",)]
    assert marks(sessions) == ["a"]


def test_in_a_savepoint_it_is_undone_with_that(sessions: Sessions) -> None:
    with UnitOfWork(sessions) as unit:
        MARK.add_to_commit(unit.session, {"mark": "outside"})
        inside = unit.session.begin_nested()
        MARK.add_to_commit(unit.session, {"mark": "inside"})
        assert MARKS.rows(unit.session, {}) == [("inside",)]
        inside.rollback()
    assert marks(sessions) == ["outside"]


def test_what_the_server_forgets_with_a_transaction_is_prepared_anew(sessions: Sessions) -> None:
    assert marks(sessions) == []
    with pytest.raises(ValueError, match="undone"):
        in_one(sessions, *OFTEN, given_up)
    assert marks(sessions) == []


def test_what_the_server_forgets_with_a_savepoint_is_prepared_anew(sessions: Sessions) -> None:
    with UnitOfWork(sessions) as unit:
        assert MARKS.rows(unit.session, {}) == []
        inside = unit.session.begin_nested()
        for each in OFTEN:
            each(unit.session)
        inside.rollback()
        assert MARKS.rows(unit.session, {}) == []
        MARK.add_to_commit(unit.session, {"mark": "a"})
    assert marks(sessions) == ["a"]


def test_what_was_prepared_for_a_table_as_it_was_is_prepared_anew(sessions: Sessions) -> None:
    every = Statement.of(text("select * from marks"))
    with UnitOfWork(sessions) as unit:
        assert every.rows(unit.session, {}) == []
        added("a")(unit.session)
    in_one(sessions, executed("alter table marks add more integer"))
    results = []
    for _ in range(2):
        with suppress(DBAPIError), UnitOfWork(sessions) as unit:
            results.append(every.rows(unit.session, {}))
    assert results[-1] == [("a", None)]


def test_one_transaction_is_begun_however_it_is_sent(sessions: Sessions) -> None:
    own = text("select pg_current_xact_id()::text")
    with UnitOfWork(sessions) as unit:
        number = unit.session.execute(own).scalar_one()
        assert Statement.of(own).rows(unit.session, {}) == [(number,)]
    with UnitOfWork(sessions) as unit:
        ((number,),) = Statement.of(own).rows(unit.session, {})
        assert unit.session.execute(own).scalar_one() == number


@pytest.mark.parametrize("is_first", [True, False])
def test_an_answer_may_be_large(sessions: Sessions, *, is_first: bool) -> None:
    large = Statement.of(text("select repeat('x', 10000000) from generate_series(1, 3)"))
    with UnitOfWork(sessions) as unit:
        if not is_first:
            unit.session.execute(text("select 1"))
        assert large.rows(unit.session, {}) == [("x" * 10_000_000,)] * 3


def test_a_message_may_be_larger_than_the_line_takes_at_once(sessions: Sessions) -> None:
    long = Statement.of(text("select length(:mark)"))
    large = "x" * 50_000_000
    with UnitOfWork(sessions) as unit:
        assert long.rows(unit.session, {"mark": large}) == [(len(large),)]
        long.add_to_commit(unit.session, {"mark": large})
        MARK.add_to_commit(unit.session, {"mark": "a"})
    assert marks(sessions) == ["a"]


def test_it_recovers_when_another_has_the_server_forget_everything(sessions: Sessions) -> None:
    assert marks(sessions) == []
    in_one(sessions, executed("do $$ begin execute 'deallocate all'; end $$"))
    with pytest.raises(DBAPIError):
        marks(sessions)
    assert marks(sessions) == []


def test_what_failed_does_not_pile_up_on_the_server(sessions: Sessions) -> None:
    for _ in range(10):
        with pytest.raises(IntegrityError):
            in_one(sessions, executed("select 1"), lambda session: MARK.rows(session, BAD))
    prepared = text("select count(*) from pg_prepared_statements where name like 'direct_%'")
    with UnitOfWork(sessions) as unit:
        assert unit.session.execute(prepared).scalar_one() == 0


@pytest.mark.parametrize("is_first", [True, False])
def test_a_wait_that_is_broken_off_takes_the_connection_with_it(
    sessions: Sessions, monkeypatch: pytest.MonkeyPatch, *, is_first: bool
) -> None:
    class Interrupted:
        def poll(self) -> None:
            raise KeyboardInterrupt

        def modify(self, *_: int) -> None:
            pass

    interrupted: list[Any] = []

    def interrupt(session: Session) -> None:
        driver = session.connection().connection.driver_connection
        monkeypatch.setattr(driver, "_line", Interrupted())
        interrupted.append(driver)

    work: list[Work] = [interrupt, lambda session: MARKS.rows(session, {})]
    if not is_first:
        work[1:] = [executed("select 1"), added("a")]
    with pytest.raises(KeyboardInterrupt):
        in_one(sessions, *work)
    assert interrupted[0].closed
    in_one(sessions, added("b"))
    assert "b" in marks(sessions)


@pytest.mark.parametrize("kind", ["REPEATABLE READ", "SERIALIZABLE", "READ UNCOMMITTED"])
def test_it_begins_transactions_of_the_level_that_is_asked_for(engine: Engine, kind: Any) -> None:
    level = Statement.of(text("select current_setting('transaction_isolation')"))
    with UnitOfWork(session_factory(engine.execution_options(isolation_level=kind))) as unit:
        assert level.rows(unit.session, {}) == [(kind.lower(),)]
    with UnitOfWork(session_factory(engine)) as unit:
        assert level.rows(unit.session, {}) == [("read committed",)]


def test_it_begins_none_where_each_statement_is_one(engine: Engine) -> None:
    sessions = session_factory(engine.execution_options(isolation_level="AUTOCOMMIT"))
    with pytest.raises(NotSupportedError), UnitOfWork(sessions) as unit:
        MARKS.rows(unit.session, {})


@pytest.mark.parametrize("how", ["first", "later", "at the end"])
def test_others_go_on_while_it_waits(sessions: Sessions, how: str) -> None:
    """It would wait for ever if this thread could not go on and let go of the lock."""

    def wait() -> None:
        with UnitOfWork(sessions) as unit:
            if how == "later":
                unit.session.execute(text("select 1"))
            if how == "at the end":
                LOCK.add_to_commit(unit.session, KEY)
            else:
                LOCK.rows(unit.session, KEY)
            MARK.add_to_commit(unit.session, {"mark": how})

    waiting = Thread(target=wait, daemon=True)
    with UnitOfWork(sessions) as unit:
        LOCK.rows(unit.session, KEY)
        waiting.start()
        waiting.join(0.2)
        assert waiting.is_alive()
    waiting.join(10)
    assert marks(sessions) == [how]


@pytest.mark.parametrize("how", ["rows", "add_to_commit"])
def test_others_go_on_while_a_server_is_frozen(
    sessions: Sessions, tmp_path: Path, how: str
) -> None:
    """Also by a statement that is to be prepared first."""
    never_sent = Statement.of(text(f"select '{how}'"))
    thawed = tmp_path / "thawed"

    def ask(driver: Any) -> None:
        send = getattr(driver, how)
        send(never_sent.sql, [])
        driver.commit()

    with UnitOfWork(sessions) as unit:
        driver: Any = unit.session.connection().connection.driver_connection
        pid = driver.info.backend_pid
        thaw = f"kill -STOP {pid}; echo; sleep 1.5; touch '{thawed}'; kill -CONT {pid}"
        with subprocess.Popen(["/bin/sh", "-c", thaw], stdout=subprocess.PIPE) as freezing:
            assert freezing.stdout is not None
            freezing.stdout.readline()
            asking = Thread(target=ask, args=[driver], daemon=True)
            asking.start()
            asking.join(0.1)
            assert asking.is_alive()
            assert not thawed.exists()
            asking.join(10)
        assert not asking.is_alive()


def test_a_server_that_hangs_up_at_the_end_is_an_error(sessions: Sessions) -> None:
    end = Statement.of(text("select pg_terminate_backend(pg_backend_pid())"))
    with pytest.raises(OperationalError) as raised:
        in_one(sessions, added("a"), lambda session: end.add_to_commit(session, {}))
    assert raised.value.connection_invalidated
    assert marks(sessions) == []


@pytest.mark.parametrize("how", [socket.SHUT_RDWR, socket.SHUT_WR])
def test_a_line_that_is_cut_is_an_error(sessions: Sessions, how: int) -> None:
    def cut(session: Session) -> None:
        driver: Any = session.connection().connection.driver_connection
        with socket.socket(fileno=os.dup(driver.fileno())) as line:
            line.shutdown(how)

    with pytest.raises(OperationalError) as raised:
        in_one(sessions, executed("select 1"), added("a"), cut)
    assert raised.value.connection_invalidated


def test_a_server_that_hung_up_before_is_an_error(sessions: Sessions) -> None:
    def hang_up(session: Session) -> None:
        pid = session.execute(text("select pg_backend_pid()")).scalar_one()
        in_one(sessions, executed(f"select pg_terminate_backend({pid}, 2000)"))

    with pytest.raises(DBAPIError) as raised:
        in_one(sessions, added("a"), hang_up)
    assert raised.value.connection_invalidated
    assert marks(sessions) == []
