"""Statements that go to the driver as they are do all else as SQLAlchemy's own do."""

import psycopg
import pytest
from sqlalchemy import bindparam, column, literal, select, text
from sqlalchemy.exc import DataError, OperationalError, ProgrammingError

from shared.core.database import Sessions
from shared.core.statements import Statement, refuse_statements
from shared.core.unit_of_work import UnitOfWork

DIVIDED = Statement.of(text("select 7 / :by, 'a % b'"))


def test_values_that_stand_in_it_are_sent_with_those_given(sessions: Sessions) -> None:
    statement = Statement.of(select(literal("here"), bindparam("there")))
    with UnitOfWork(sessions) as unit:
        assert statement.rows(unit.session, {"there": "given"}) == [("here", "given")]
        assert DIVIDED.rows(unit.session, {"by": 7}) == [(1, "a % b")]


def test_it_is_part_of_the_transaction(sessions: Sessions) -> None:
    with UnitOfWork(sessions) as unit:
        unit.session.execute(text("create temporary table seen (mark text) on commit drop"))
        unit.session.execute(text("insert into seen values ('x')"))
        assert Statement.of(text("select mark from seen")).rows(unit.session, {}) == [("x",)]


def test_errors_are_those_of_sqlalchemy_and_quote_no_value(sessions: Sessions) -> None:
    with (
        pytest.raises(DataError, match="division by zero") as raised,
        UnitOfWork(sessions) as one_unit,
    ):
        DIVIDED.rows(one_unit.session, {"by": 0})
    assert isinstance(raised.value.orig, psycopg.DataError)
    assert not raised.value.connection_invalidated
    secret = Statement.of(text("select :mark from nothing"))
    with pytest.raises(ProgrammingError) as raised_too, UnitOfWork(sessions) as another_unit:
        secret.rows(another_unit.session, {"mark": "Marieke"})
    assert "Marieke" not in str(raised_too.value)


def test_a_value_that_is_missing_is_an_error(sessions: Sessions) -> None:
    with pytest.raises(ProgrammingError, match="by"), UnitOfWork(sessions) as unit:
        DIVIDED.rows(unit.session, {})


def test_a_connection_that_broke_is_given_up(sessions: Sessions) -> None:
    done: list[int] = []
    backend = Statement.of(text("select pg_backend_pid()"))

    def break_it() -> None:
        with UnitOfWork(sessions) as unit:
            ((pid,),) = backend.rows(unit.session, {})
            unit.on_rollback(lambda again: done.append(backend.rows(again, {})[0][0]))
            with UnitOfWork(sessions) as other_unit:
                other_unit.session.execute(
                    text("select pg_terminate_backend(:pid, 2000)"), {"pid": pid}
                )
            done.append(pid)
            backend.rows(unit.session, {})

    with pytest.raises(OperationalError) as raised:
        break_it()
    assert raised.value.connection_invalidated
    assert len(set(done)) == 2  # what has to stay was done on another connection


def test_with_one_that_broke_all_that_are_as_old_are_given_up(sessions: Sessions) -> None:
    backend = Statement.of(text("select pg_backend_pid()"))
    end = Statement.of(text("select pg_terminate_backend(pg_backend_pid())"))
    with UnitOfWork(sessions) as older_unit:
        resting = backend.rows(older_unit.session, {})
        with pytest.raises(OperationalError), UnitOfWork(sessions) as unit:
            end.rows(unit.session, {})
    with UnitOfWork(sessions) as unit:
        assert backend.rows(unit.session, {}) != resting


def test_a_list_of_values_is_refused_before_it_is_sent() -> None:
    with pytest.raises(ValueError, match="array"):
        Statement.of(select(column("mark")).where(column("mark").in_(["x", "y"])))


def test_on_the_connection_of_a_job_it_is_refused(sessions: Sessions) -> None:
    with UnitOfWork(sessions) as unit:
        refuse_statements(unit.session.connection())
        with pytest.raises(RuntimeError, match="job"):
            DIVIDED.rows(unit.session, {"by": 1})
    with UnitOfWork(sessions) as unit:
        assert DIVIDED.rows(unit.session, {"by": 1})  # the next one's connection is free again
