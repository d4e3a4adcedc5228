from datetime import timedelta
from threading import Event, Thread
from time import monotonic, sleep
from uuid import uuid4

import pytest

from services.worker.execution import Execution, HandlerResult
from services.worker.polling import Poller
from shared.core.database import Sessions
from shared.core.unit_of_work import UnitOfWork
from shared.jobs import service
from shared.jobs.claims import Claim
from shared.jobs.models import Job
from shared.jobs.queue import WakeUpQueue
from shared.jobs.rules import BUILD_DOCUMENTS, Lane, State

INTERVAL = timedelta(seconds=0.02)


class Gate:
    """A handler that waits until it is opened, and counts the items that run at the same time."""

    def __init__(self) -> None:
        self.opened = Event()
        self.running = 0
        self.most_running = 0

    def __call__(self, _unit: UnitOfWork, _claim: Claim) -> HandlerResult:
        self.running += 1
        self.most_running = max(self.most_running, self.running)
        assert self.opened.wait(10)
        self.running -= 1
        return HandlerResult({})


def execution_of(sessions: Sessions, queue: WakeUpQueue, handler: Gate, threads: int) -> Execution:
    return Execution(
        sessions,
        queue,
        {BUILD_DOCUMENTS: handler},
        lease=timedelta(seconds=30),
        max_attempts=2,
        interactive_weight=8,
        threads=threads,
    )


@pytest.mark.usefixtures("no_jobs")
def test_due_items_are_found_without_a_wake_up_and_fill_the_threads_of_the_process_only(
    sessions: Sessions, queue: WakeUpQueue
) -> None:
    handler = Gate()
    execution = execution_of(sessions, queue, handler, threads=2)
    with UnitOfWork(sessions) as unit:
        new = service.NewJob(BUILD_DOCUMENTS, Lane.BULK, str(uuid4()), list("abcde"), "tests")
        job_id = service.start(unit, queue, new).id
    queue._broker.flush_all()
    woken = Thread(target=execution.run)
    woken.start()
    poller = Poller(execution, INTERVAL)
    poller.start()
    sleep(20 * INTERVAL.total_seconds())
    handler.opened.set()
    deadline = monotonic() + 30
    while True:
        with UnitOfWork(sessions) as unit:
            if unit.session.get_one(Job, job_id).state == State.DONE:
                break
        assert monotonic() < deadline, "timeout"
        sleep(0.01)
    execution.stopping.set()
    poller.join(5)
    woken.join(5)
    assert handler.most_running == 2
