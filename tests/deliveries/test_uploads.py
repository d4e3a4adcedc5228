from datetime import timedelta

from shared.core.unit_of_work import UnitOfWork
from shared.deliveries.uploads import UPLOADS, receive_delivery, remove_stray_uploads
from shared.jobs.queue import WakeUpQueue
from shared.storage.store import Storage


def test_an_upload_without_a_row_is_removed_and_one_that_waits_is_kept(
    unit: UnitOfWork, queue: WakeUpQueue, storage: Storage
) -> None:
    stray, waiting, other = f"{UPLOADS}/stray.zip", f"{UPLOADS}/waiting.zip", "documents/x.zip"
    for key in (stray, waiting, other):
        storage.put(key, b"content")
    receive_delivery(unit, queue, waiting, "tests")
    assert remove_stray_uploads(unit.session, storage, timedelta(hours=1)) == 0
    assert remove_stray_uploads(unit.session, storage, timedelta(hours=-1)) == 1
    assert [storage.exists(key) for key in (stray, waiting, other)] == [False, True, True]
