import asyncio
from datetime import UTC, datetime, timedelta
from time import monotonic

import pytest

from services.api.http.download_monitor import DownloadMonitor, RunningDownload
from services.api.http.downloads import content_disposition
from shared.core.database import Sessions
from shared.core.unit_of_work import UnitOfWork
from shared.documents.downloads import Download
from shared.documents.models import Document
from shared.oauth.tokens import AccessToken
from tests.api.seeding import SCHOOL, Seeded
from tests.callers import school_request


@pytest.mark.parametrize(
    ("name", "plain", "extended"),
    [
        ("fiche.pdf", "fiche.pdf", "fiche.pdf"),
        ("Ωmega é.pdf", "_mega _.pdf", "%CE%A9mega%20%C3%A9.pdf"),
        ('a"b\\c.pdf', "a_b_c.pdf", "a%22b%5Cc.pdf"),
        ("../../etc/x\r\nY: z", ".._.._etc_x__Y: z", "..%2F..%2Fetc%2Fx%0D%0AY%3A%20z"),
        ("100%41.pdf", "100_41.pdf", "100%2541.pdf"),
    ],
)
def test_file_name_cannot_break_out_of_its_header(name: str, plain: str, extended: str) -> None:
    assert content_disposition(name) == (
        f"attachment; filename=\"{plain}\"; filename*=UTF-8''{extended}"
    )


@pytest.mark.parametrize("is_running", [True, False])
def test_a_connection_is_aborted_only_while_its_download_runs(
    *, is_running: bool, seeded: Seeded, sessions: Sessions
) -> None:
    """The decision about a download may come after its end, when the connection has another."""
    with UnitOfWork(sessions) as unit:
        document = unit.session.get_one(Document, seeded.documents["fiche"])
    access, now = school_request(SCHOOL), datetime.now(UTC)
    expired = AccessToken(access.caller, "id", now, now - timedelta(hours=1), "key")
    monitor, aborted = DownloadMonitor(sessions, 1), []

    async def download() -> None:
        wanted = Download(expired, access, document)
        running = RunningDownload(
            wanted, monotonic(), lambda: aborted.append(True), count_unsent=lambda: 0
        )
        async with monitor.watch(running):
            await asyncio.sleep(0.5 if is_running else 0)
        await asyncio.sleep(0.5)

    asyncio.run(download())
    monitor.close()
    assert aborted == [True] * is_running
