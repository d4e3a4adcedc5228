import asyncio
from threading import Event, current_thread, main_thread

import pytest
import structlog

from services.api.http.threads import run_in_thread


def test_work_runs_in_another_thread_with_the_context_of_the_request() -> None:
    def work() -> tuple[bool, object]:
        is_other_thread = current_thread() is not main_thread()
        return is_other_thread, structlog.contextvars.get_contextvars().get("trace_id")

    async def call() -> object:
        with structlog.contextvars.bound_contextvars(trace_id="one"):
            return await run_in_thread(work)

    assert asyncio.run(call()) == (True, "one")


def test_an_exception_of_the_work_is_raised() -> None:
    def fail() -> None:
        raise OSError("disk")

    with pytest.raises(OSError, match="disk"):
        asyncio.run(run_in_thread(fail))


@pytest.mark.parametrize("error", [None, OSError("disk")])
def test_cancellation_waits_until_the_work_has_ended(error: Exception | None) -> None:
    started, may_end, ended = Event(), Event(), []

    def work() -> None:
        started.set()
        may_end.wait(10)
        ended.append("ended")
        if error is not None:
            raise error

    async def cancel_twice() -> None:
        task = asyncio.create_task(run_in_thread(work))
        await asyncio.to_thread(started.wait, 10)
        for _ in range(2):  # as a server does on a second stop signal
            task.cancel()
            await asyncio.sleep(0.05)
            assert not task.done()
        may_end.set()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert ended == ["ended"]

    asyncio.run(cancel_twice())
