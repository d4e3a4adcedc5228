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


def seen(done: int, pace: Pace | None = None) -> JobProgress:
    return JobProgress(JOB, Counts(queued=40 - done, done=done - 1, failed=1), pace)


def console(*, is_terminal: bool) -> Console:
    return Console(file=StringIO(), force_terminal=is_terminal, width=160)


def output(of: Console) -> str:
    assert isinstance(of.file, StringIO)
    return of.file.getvalue()


def test_without_a_terminal_jobs_say_a_line_per_quarter() -> None:
    plain = console(is_terminal=False)
    with job_view(plain) as show:
        for done, pace in ((1, None), (10, PACE), (11, PACE), (40, None)):
            show([seen(done, pace)])
    assert output(plain).splitlines() == [
        "documents.build 2024: 10 of 40, 2.5/s, 12 s to go",
        "documents.build 2024: 40 of 40",
    ]


def test_on_a_terminal_jobs_are_a_table_with_bars() -> None:
    terminal = console(is_terminal=True)
    with job_view(terminal) as show:
        show([seen(1)])
        show([seen(20, PACE)])
    for shown in (str(JOB.id), "1 of 40", "20 of 40", "2.5/s, 12 s to go", "━", "08:00:00"):
        assert shown in output(terminal)


@pytest.mark.parametrize(
    ("is_terminal", "expected"), [(True, "━"), (False, "Schools: 20 of 40, 2.5/s, 12 s to go\n")]
)
def test_a_build_has_a_bar_on_a_terminal_and_lines_elsewhere(
    expected: str, *, is_terminal: bool
) -> None:
    of = console(is_terminal=is_terminal)
    with paced_bar("Schools", 40, of) as advance:
        advance(20, PACE)
    assert expected in output(of)
    assert "2.5/s, 12 s to go" in output(of)
