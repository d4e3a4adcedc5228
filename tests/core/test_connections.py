"""Connections that break, and statements that fail, are errors that the pool recovers from."""

import os
import socket
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DataError, DBAPIError, OperationalError, ProgrammingError
from sqlalchemy.orm import Session

from shared.core.database import Sessions
from shared.core.unit_of_work import UnitOfWork

BACKEND = text("select pg_backend_pid()")
TERMINATE_SELF = text("select pg_terminate_backend(pg_backend_pid())")


def driver_of(session: Session) -> Any:
    return session.connection().connection.driver_connection


def terminate(sessions: Sessions, session: Session) -> None:
    """End the session's server process from another session."""
    pid = session.scalar(BACKEND)
    with UnitOfWork(sessions) as other_unit:
        other_unit.session.execute(text("select pg_terminate_backend(:pid, 2000)"), {"pid": pid})


def shut_down(how: int) -> Callable[[Sessions, Session], None]:
    def cut(_: Sessions, session: Session) -> None:
        with socket.socket(fileno=os.dup(driver_of(session).fileno())) as connection:
            connection.shutdown(how)

    return cut


BREAKS = [terminate, shut_down(socket.SHUT_RDWR), shut_down(socket.SHUT_WR)]


def test_statement_errors_quote_no_value(sessions: Sessions) -> None:
    with (
        pytest.raises(DataError, match="division by zero") as raised,
        UnitOfWork(sessions) as one_unit,
    ):
        one_unit.session.execute(text("select 7 / :by"), {"by": 0})
    assert isinstance(raised.value.orig, psycopg.DataError)
    assert not raised.value.connection_invalidated
    with pytest.raises(ProgrammingError) as also_raised, UnitOfWork(sessions) as another_unit:
        another_unit.session.execute(text("select :mark from nothing"), {"mark": "Marieke"})
    assert "Marieke" not in str(also_raised.value)


@pytest.mark.parametrize("break_connection", BREAKS)
def test_broken_connection_is_replaced(
    sessions: Sessions, break_connection: Callable[[Sessions, Session], None]
) -> None:
    pids: list[int | None] = []

    def work() -> None:
        with UnitOfWork(sessions) as unit:
            pids.append(unit.session.scalar(BACKEND))
            unit.on_rollback(lambda again: pids.append(again.scalar(BACKEND)))
            break_connection(sessions, unit.session)
            unit.session.execute(text("select 1"))

    with pytest.raises(OperationalError) as raised:
        work()
    assert raised.value.connection_invalidated
    assert len(set(pids)) == 2  # the work after the rollback ran on another connection


@pytest.mark.parametrize("break_connection", BREAKS)
def test_connection_that_breaks_before_the_commit_is_an_error(
    sessions: Sessions, break_connection: Callable[[Sessions, Session], None]
) -> None:
    def work() -> None:
        with UnitOfWork(sessions) as unit:
            unit.session.execute(text("select 1"))
            unit.before_commit(lambda: break_connection(sessions, unit.session))

    with pytest.raises(DBAPIError) as raised:
        work()
    assert raised.value.connection_invalidated


def test_broken_connection_invalidates_older_pooled_connections(sessions: Sessions) -> None:
    with UnitOfWork(sessions) as older_unit:
        idle = older_unit.session.scalar(BACKEND)
        with pytest.raises(OperationalError), UnitOfWork(sessions) as unit:
            unit.session.execute(TERMINATE_SELF)
    with UnitOfWork(sessions) as unit:
        assert unit.session.scalar(BACKEND) != idle


def test_prepared_statement_recovers_from_a_changed_table(sessions: Sessions) -> None:
    every = text("select * from changing")
    try:
        with UnitOfWork(sessions) as unit:
            unit.session.execute(text("create table changing (mark text)"))
            for _ in range(driver_of(unit.session).prepare_threshold + 1):
                unit.session.execute(every)
            assert unit.session.scalar(text("select count(*) from pg_prepared_statements")) == 1
        with UnitOfWork(sessions) as unit:
            unit.session.execute(text("alter table changing add more integer"))
        columns = []
        for _ in range(2):
            with suppress(DBAPIError), UnitOfWork(sessions) as unit:
                columns.append(list(unit.session.execute(every).keys()))
        assert columns[-1] == ["mark", "more"]
    finally:
        with UnitOfWork(sessions) as unit:
            unit.session.execute(text("drop table changing"))


def test_prepared_statements_are_forgotten_with_a_rolled_back_transaction(
    sessions: Sessions,
) -> None:
    def fail_after_preparing() -> None:
        with UnitOfWork(sessions) as unit:
            for _ in range(driver_of(unit.session).prepare_threshold + 1):
                unit.session.execute(text("select 1"))
            raise ValueError("undone")

    for _ in range(3):
        with pytest.raises(ValueError, match="undone"):
            fail_after_preparing()
    with UnitOfWork(sessions) as unit:
        assert unit.session.scalar(text("select count(*) from pg_prepared_statements")) == 0
