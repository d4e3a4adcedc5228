from sqlalchemy import text

from shared.core.database import Sessions
from shared.core.unit_of_work import UnitOfWork


def test_sessions_run_in_utc(sessions: Sessions) -> None:
    with UnitOfWork(sessions) as unit:
        assert unit.session.scalar(text("show timezone")) == "UTC"


def test_connections_closed_by_the_server_are_replaced(sessions: Sessions) -> None:
    with UnitOfWork(sessions) as one_unit, UnitOfWork(sessions) as other_unit:
        ended = [
            session.scalar(text("select pg_backend_pid()"))
            for session in (one_unit.session, other_unit.session)
        ]
    with UnitOfWork(sessions) as unit:
        ended.remove(unit.session.scalar(text("select pg_backend_pid()")))
        unit.session.execute(text("select pg_terminate_backend(:pid, 2000)"), {"pid": ended[0]})
    with UnitOfWork(sessions) as one_unit, UnitOfWork(sessions) as other_unit:
        assert [
            session.scalar(text("select 1")) for session in (one_unit.session, other_unit.session)
        ] == [1, 1]
