"""A connection that becomes half open costs no item, and does not occupy its thread."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from urllib.parse import urlsplit
from uuid import UUID, uuid4

import pytest
from pydantic import SecretStr
from sqlalchemy import select, text

from services.worker import heartbeat
from services.worker.execution import Execution, HandlerResult
from shared.core.database import Sessions, open_engine, session_factory
from shared.core.settings import Settings
from shared.core.unit_of_work import UnitOfWork
from shared.jobs import service
from shared.jobs.claims import Claim
from shared.jobs.models import JobItem
from shared.jobs.queue import WakeUpQueue
from shared.jobs.rules import BUILD_DOCUMENTS, Lane
from tests.chaos.deployment import with_port
from tests.chaos.tcp_proxy import HALF_OPEN, TcpProxy

pytestmark = pytest.mark.timeout(60)


@pytest.fixture
def proxy(settings: Settings) -> Iterator[TcpProxy]:
    proxy = TcpProxy(urlsplit(settings.database_url.get_secret_value()).port or 5432)
    with proxy.running():
        yield proxy


@pytest.fixture
def behind_proxy(settings_of: Callable[[str], Settings], proxy: TcpProxy) -> Iterator[Sessions]:
    settings = settings_of("worker")
    url = SecretStr(with_port(settings.database_url.get_secret_value(), proxy.port))
    # The server ends a transaction that is idle for four leases.
    changed = settings.model_copy(update={"database_url": url, "job_lease_seconds": 60.0})
    engine = open_engine(changed, application_name="half-open")
    yield session_factory(engine)
    engine.dispose()


@pytest.mark.parametrize("moment", ["statement", "transaction", "copy", "settlement", "rollback"])
@pytest.mark.usefixtures("no_jobs")
def test_an_item_whose_connection_is_half_open_waits(
    sessions: Sessions,
    queue: WakeUpQueue,
    proxy: TcpProxy,
    behind_proxy: Sessions,
    monkeypatch: pytest.MonkeyPatch,
    moment: str,
) -> None:
    monkeypatch.setattr(heartbeat, "QUIET_SECONDS", 0.5)
    pids: list[int] = []

    def handle(unit: UnitOfWork, _claim: Claim) -> HandlerResult:
        session = unit.session
        pids.append(session.scalar(text("select pg_backend_pid()")) or 0)
        session.execute(text("create temporary table copied (line text)"))
        if moment in {"transaction", "settlement"}:
            unit.end_reading()
        proxy.fault = HALF_OPEN
        if moment in {"statement", "transaction"}:
            session.execute(text("select 1"))
        if moment == "copy":
            driver = session.connection().connection.driver_connection
            assert driver is not None
            with driver.cursor().copy("copy copied from stdin") as copy:
                copy.write("x\n")
        if moment == "rollback":
            raise ValueError
        return HandlerResult({})

    item = start_item(sessions, queue)
    handlers = {BUILD_DOCUMENTS: handle}
    lease = timedelta(seconds=3)
    Execution(
        behind_proxy, queue, handlers, lease=lease, max_attempts=1, interactive_weight=8
    ).run()
    with UnitOfWork(sessions) as unit:
        found = unit.session.get_one(JobItem, item)
        assert (found.state, found.waiting_for) == ("queued", "database: it cannot be reached")
        has_session = text("select exists (select from pg_stat_activity where pid = :pid)")
        assert not unit.session.scalar(has_session, {"pid": pids[0]})


def start_item(sessions: Sessions, queue: WakeUpQueue) -> UUID:
    with UnitOfWork(sessions) as unit:
        order = service.NewJob(BUILD_DOCUMENTS, Lane.BULK, str(uuid4()), ["000001"], "tests")
        job = service.start(unit, queue, order)
        return unit.session.scalars(select(JobItem.id).where(JobItem.job_id == job.id)).one()
