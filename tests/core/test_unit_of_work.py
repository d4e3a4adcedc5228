from functools import partial

import pytest
from sqlalchemy import text

from shared.core.database import Sessions
from shared.core.errors import ResourceNotFound
from shared.core.unit_of_work import UnitOfWork


@pytest.fixture(autouse=True)
def table(sessions: Sessions) -> None:
    with UnitOfWork(sessions) as unit:
        unit.session.execute(text("create table if not exists marks (mark text)"))
        unit.session.execute(text("truncate marks"))


def marks(sessions: Sessions) -> list[str]:
    with UnitOfWork(sessions) as unit:
        return list(unit.session.scalars(text("select mark from marks")))


def test_after_commit_actions_run_after_the_commit(sessions: Sessions) -> None:
    seen: list[list[str]] = []
    with UnitOfWork(sessions) as unit:
        unit.session.execute(text("insert into marks values ('done')"))
        unit.after_commit(lambda: seen.append(marks(sessions)))
        assert seen == []
    assert seen == [["done"]]


def test_an_error_rolls_back_and_runs_no_after_commit_action(sessions: Sessions) -> None:
    actions: list[str] = []

    def work() -> None:
        with UnitOfWork(sessions) as unit:
            unit.session.execute(text("insert into marks values ('half')"))
            unit.after_commit(lambda: actions.append("run"))
            raise OSError("disk")

    with pytest.raises(OSError, match="disk"):
        work()
    assert (marks(sessions), actions) == ([], [])


def test_a_domain_error_commits_the_work(sessions: Sessions) -> None:
    def work() -> None:
        with UnitOfWork(sessions) as unit:
            unit.session.execute(text("insert into marks values ('refused')"))
            raise ResourceNotFound

    with pytest.raises(ResourceNotFound):
        work()
    assert marks(sessions) == ["refused"]


def test_a_failing_after_commit_action_does_not_undo_the_commit(sessions: Sessions) -> None:
    def fail() -> None:
        raise ConnectionError

    with UnitOfWork(sessions) as unit:
        unit.session.execute(text("insert into marks values ('safe')"))
        unit.after_commit(fail)
    assert marks(sessions) == ["safe"]


def test_rollback_actions_run_in_a_separate_transaction(sessions: Sessions) -> None:
    def work() -> None:
        with UnitOfWork(sessions) as unit:
            unit.session.execute(text("insert into marks values ('half')"))
            unit.on_rollback(lambda again: again.execute(text("insert into marks values ('x')")))
            raise OSError("disk")

    with pytest.raises(OSError, match="disk"):
        work()
    assert marks(sessions) == ["x"]


@pytest.mark.parametrize("ends_with", [None, ResourceNotFound()])
def test_rollback_actions_run_when_the_commit_fails(
    sessions: Sessions, ends_with: Exception | None
) -> None:
    def fail() -> None:
        raise OSError("commit")

    def work() -> None:
        with UnitOfWork(sessions) as unit:
            unit.session.execute(text("insert into marks values ('half')"))
            unit.on_rollback(lambda again: again.execute(text("insert into marks values ('x')")))
            unit.before_commit(fail)
            if ends_with is not None:
                raise ends_with

    with pytest.raises(OSError, match="commit"):
        work()
    assert marks(sessions) == ["x"]


def test_rollback_actions_do_not_run_after_a_commit(sessions: Sessions) -> None:
    with UnitOfWork(sessions) as unit:
        unit.session.execute(text("insert into marks values ('done')"))
        unit.on_rollback(lambda again: again.execute(text("insert into marks values ('x')")))
    assert marks(sessions) == ["done"]


def test_before_commit_actions_run_in_their_order(sessions: Sessions) -> None:
    ran: list[str] = []
    with UnitOfWork(sessions) as unit:
        unit.session.execute(text("insert into marks values ('done')"))
        for name in ("b", "a", "c"):
            unit.before_commit(partial(ran.append, name), order=name)
    assert ran == ["a", "b", "c"]


def test_a_committed_unit_is_finished(sessions: Sessions) -> None:
    with UnitOfWork(sessions) as unit:
        states = [unit.is_finished]
        unit.session.execute(text("insert into marks values ('first')"))
        states.append(unit.is_finished)
        unit.commit()
        assert [*states, unit.is_finished] == [True, False, True]
        assert marks(sessions) == ["first"]


def test_only_a_transaction_without_changes_is_ended_early(unit: UnitOfWork) -> None:
    unit.session.execute(text("select 1"))
    unit.end_reading()
    assert not unit.session.in_transaction()
    unit.before_commit(lambda: None)
    with pytest.raises(RuntimeError, match="entry point"):
        unit.end_reading()


def test_a_transaction_that_was_ended_is_not_rolled_back(sessions: Sessions) -> None:
    def work() -> None:
        with UnitOfWork(sessions) as unit:
            unit.session.execute(text("insert into marks values ('used')"))
            unit.on_rollback(lambda again: again.execute(text("insert into marks values ('x')")))
            unit.end_reading()
            raise OSError("refused")

    with pytest.raises(OSError, match="refused"):
        work()
    assert marks(sessions) == ["used"]


def test_pending_actions_run_once_and_are_rolled_back_with_the_rest(sessions: Sessions) -> None:
    ran: list[str] = []

    def work() -> None:
        with UnitOfWork(sessions) as unit:
            unit.before_commit(partial(ran.append, "b"), order="b")
            unit.before_commit(
                lambda: unit.session.execute(text("insert into marks values ('a')")), order="a"
            )
            unit.run_pending()
            assert ran == ["b"]
            unit.commit()
            unit.session.execute(text("insert into marks values ('c')"))
            unit.before_commit(partial(ran.append, "d"))
            unit.run_pending()
            raise OSError("disk")

    with pytest.raises(OSError, match="disk"):
        work()
    assert (ran, marks(sessions)) == (["b", "d"], ["a"])
