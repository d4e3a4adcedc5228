import re
from datetime import UTC, datetime, timedelta
from io import StringIO
from uuid import uuid4

import pytest
from rich.console import Console

from services.cli.progress import JobProgress, job_view, paced_bar
from shared.jobs.models import Job
from shared.jobs.rules import Counts, Pace

PACE = Pace(2.5, timedelta(seconds=12))
JOB = Job(
    id=uuid4(),
    kind="documents.build",
    subject="2024",
    state="running",
    created_at=datetime(2024, 6, 21, 6, tzinfo=UTC),
)


def progress(done: int, pace: Pace | None = None) -> JobProgress:
    return JobProgress(JOB, Counts(queued=40 - done, done=done - 1, failed=1), pace)


def make_console(*, is_terminal: bool) -> Console:
    return Console(file=StringIO(), force_terminal=is_terminal, width=160)


def output(console: Console) -> str:
    assert isinstance(console.file, StringIO)
    return console.file.getvalue()


def test_jobs_print_a_line_per_quarter_without_a_terminal() -> None:
    plain = make_console(is_terminal=False)
    with job_view(plain) as show:
        for done, pace in ((1, None), (10, PACE), (11, PACE), (40, None)):
            show([progress(done, pace)])
    assert output(plain).splitlines() == [
        "documents.build 2024: 10 of 40, 2.5/s, 12 s to go",
        "documents.build 2024: 40 of 40",
    ]


def test_jobs_are_a_table_with_bars_on_a_terminal() -> None:
    terminal = make_console(is_terminal=True)
    with job_view(terminal) as show:
        show([progress(1)])
        show([progress(20, PACE)])
    for expected in (str(JOB.id), "1 of 40", "20 of 40", "2.5/s, 12 s to go", "━", "08:00:00"):
        assert expected in output(terminal)


@pytest.mark.parametrize("is_terminal", [True, False])
def test_a_job_with_failures_is_not_only_done(*, is_terminal: bool) -> None:
    console = make_console(is_terminal=is_terminal)
    done = Job(id=uuid4(), kind="documents.build", subject="2024", state="done")
    done.created_at = JOB.created_at
    with job_view(console) as show:
        show([JobProgress(done, Counts(done=40, failures=2412), None)] * 2)
    assert re.search(r"done with( │ .*)?.*2,412", output(console))


@pytest.mark.parametrize(
    ("is_terminal", "expected"), [(True, "━"), (False, "Schools: 20 of 40, 2.5/s, 12 s to go\n")]
)
def test_build_has_a_bar_on_a_terminal_and_lines_elsewhere(
    expected: str, *, is_terminal: bool
) -> None:
    console = make_console(is_terminal=is_terminal)
    with paced_bar("Schools", 40, console) as advance:
        advance(20, PACE, None)
    assert expected in output(console)
    assert "2.5/s, 12 s to go" in output(console)


@pytest.mark.parametrize("is_terminal", [True, False])
def test_build_that_waits_for_a_server_says_so_once(*, is_terminal: bool) -> None:
    console, full = make_console(is_terminal=is_terminal), "object store: no space left on device"
    with paced_bar("Schools", 40, console) as advance:
        for done, pace, waiting_for in ((5, PACE, None), (6, None, full), (6, None, full)):
            advance(done, pace, waiting_for)
    shown = output(console)
    assert f"waiting for the {full} (see `toetsfeedback doctor`)" in shown
    if not is_terminal:
        assert shown.count("\n") == 1
        assert shown.startswith("Schools: 6 of 40, waiting")
