from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from io import StringIO

from rich.console import Console

from services.cli.commands.jobs import watch
from shared.core.database import Sessions
from shared.core.unit_of_work import UnitOfWork
from shared.jobs import claims, service
from shared.jobs.queue import WakeUpQueue
from shared.jobs.rules import BUILD_DOCUMENTS, KINDS, Lane, State


def test_watch_returns_when_the_last_job_ends(sessions: Sessions, queue: WakeUpQueue) -> None:
    new_job = service.NewJob(BUILD_DOCUMENTS, Lane.BULK, "2024", ["000001", "000002"], "tests")
    with UnitOfWork(sessions) as unit:
        job = service.start(unit, queue, new_job)
    output = StringIO()
    with ThreadPoolExecutor(1) as pool:
        watching = pool.submit(watch, sessions, 20, Console(file=output))
        for _ in new_job.items:
            assert not watching.done()
            with UnitOfWork(sessions) as unit:
                claim = claims.claim(unit.session, KINDS, list(Lane), timedelta(seconds=30))
                assert claim is not None
                claims.settle(unit.session, claim, State.DONE, {})
                service.end_when_complete(unit.session, job.id)
        watching.result(timeout=10)
    assert output.getvalue().splitlines()[-1].startswith("documents.build 2024: 2 of 2")
