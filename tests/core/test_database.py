import pytest
from sqlalchemy import text

from shared.core.database import Sessions, after_commit, before_commit, in_any_case, transaction
from shared.core.errors import ResourceNotFound


@pytest.fixture(autouse=True)
def table(sessions: Sessions) -> None:
    with transaction(sessions) as session:
        session.execute(text("create table if not exists marks (mark text)"))
        session.execute(text("truncate marks"))


def marks(sessions: Sessions) -> list[str]:
    with transaction(sessions) as session:
        return list(session.scalars(text("select mark from marks")))


def test_what_is_done_is_committed_and_then_announced(sessions: Sessions) -> None:
    seen: list[list[str]] = []
    with transaction(sessions) as session:
        session.execute(text("insert into marks values ('done')"))
        after_commit(session, lambda: seen.append(marks(sessions)))
        assert seen == []
    assert seen == [["done"]]


def test_an_error_takes_everything_back_and_announces_nothing(sessions: Sessions) -> None:
    announced: list[str] = []

    def work() -> None:
        with transaction(sessions) as session:
            session.execute(text("insert into marks values ('half')"))
            after_commit(session, lambda: announced.append("told"))
            raise OSError("disk")

    with pytest.raises(OSError, match="disk"):
        work()
    assert (marks(sessions), announced) == ([], [])


def test_the_trail_of_a_refusal_stays(sessions: Sessions) -> None:
    def work() -> None:
        with transaction(sessions) as session:
            session.execute(text("insert into marks values ('refused')"))
            raise ResourceNotFound

    with pytest.raises(ResourceNotFound):
        work()
    assert marks(sessions) == ["refused"]


def test_an_announcement_that_fails_changes_nothing(sessions: Sessions) -> None:
    def fail() -> None:
        raise ConnectionError

    with transaction(sessions) as session:
        session.execute(text("insert into marks values ('safe')"))
        after_commit(session, fail)
    assert marks(sessions) == ["safe"]


def test_sessions_run_in_utc(sessions: Sessions) -> None:
    with transaction(sessions) as session:
        assert session.scalar(text("show timezone")) == "UTC"


def test_what_has_to_stay_of_an_error_stays(sessions: Sessions) -> None:
    def work() -> None:
        with transaction(sessions) as session:
            session.execute(text("insert into marks values ('half')"))
            in_any_case(
                session, lambda again: again.execute(text("insert into marks values ('x')"))
            )
            raise OSError("disk")

    with pytest.raises(OSError, match="disk"):
        work()
    assert marks(sessions) == ["x"]


@pytest.mark.parametrize("ends_with", [None, ResourceNotFound()])
def test_what_has_to_stay_is_done_too_if_the_commit_fails(
    sessions: Sessions, ends_with: Exception | None
) -> None:
    def fail() -> None:
        raise OSError("commit")

    def work() -> None:
        with transaction(sessions) as session:
            session.execute(text("insert into marks values ('half')"))
            in_any_case(
                session, lambda again: again.execute(text("insert into marks values ('x')"))
            )
            before_commit(session, fail)
            if ends_with is not None:
                raise ends_with

    with pytest.raises(OSError, match="commit"):
        work()
    assert marks(sessions) == ["x"]


def test_what_has_to_stay_is_not_done_again_after_a_commit(sessions: Sessions) -> None:
    with transaction(sessions) as session:
        session.execute(text("insert into marks values ('done')"))
        in_any_case(session, lambda again: again.execute(text("insert into marks values ('x')")))
    assert marks(sessions) == ["done"]


def test_connections_that_the_server_has_ended_are_replaced_unseen(sessions: Sessions) -> None:
    with transaction(sessions) as one, transaction(sessions) as other:
        ended = [session.scalar(text("select pg_backend_pid()")) for session in (one, other)]
    with transaction(sessions) as session:
        ended.remove(session.scalar(text("select pg_backend_pid()")))
        session.execute(text("select pg_terminate_backend(:pid, 2000)"), {"pid": ended[0]})
    with transaction(sessions) as one, transaction(sessions) as other:
        assert [session.scalar(text("select 1")) for session in (one, other)] == [1, 1]
