from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from io import StringIO
from uuid import UUID

import pytest
from rich.console import Console

from services.cli.commands.jobs import watch
from shared.core.database import Sessions
from shared.core.settings import Settings
from shared.core.unit_of_work import UnitOfWork
from shared.jobs import claims, service
from shared.jobs.queue import WakeUpQueue
from shared.jobs.rules import BUILD_DOCUMENTS, KINDS, Lane, State
from shared.storage.store import Storage
from tests.api.seeding import ADMINISTRATION, seed_schools
from tests.cli.conftest import Run


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


def test_build_without_redis_adds_the_job_and_says_when_it_starts(
    run: Callable[..., Run],
    settings_of: Callable[[str], Settings],
    sessions: Sessions,
    storage: Storage,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with UnitOfWork(sessions) as unit:
        seed_schools(unit.session, storage)
    settings = settings_of("operator")
    for name, value in {
        "DATABASE_URL": settings.database_url.get_secret_value(),
        "REDIS_URL": "redis://127.0.0.1:1/0",
        "STORAGE_URL": settings.storage_url,
    }.items():
        monkeypatch.setenv(f"TOETSFEEDBACK_{name}", value)
    built = run("build", "--administration", ADMINISTRATION)
    assert built.code == 0
    (line,) = built.out.splitlines()
    assert line.startswith("Job ")
    (notice,) = built.err.splitlines()
    assert notice.startswith("toetsfeedback: the queue cannot be used: nothing listens there.")
    assert "Workers find the job without it, within seconds; check that" in notice
    with UnitOfWork(sessions) as unit:
        assert str(service.read(unit.session, UUID(line.removeprefix("Job ")))[0].id) in line
