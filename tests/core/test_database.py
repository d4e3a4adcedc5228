import pytest
from sqlalchemy import text

from shared.core.database import Sessions, after_commit, transaction
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
