"""Objects are on the disk before the transaction that refers to them is committed."""

from pathlib import Path
from urllib.parse import unquote, urlsplit
from uuid import uuid4

from sqlalchemy import Engine, event, select

from services.worker.documents.school_production import Renderers
from services.worker.jobs.documents import build_school
from shared.core.database import Sessions
from shared.core.settings import Settings
from shared.core.unit_of_work import UnitOfWork
from shared.documents.building import start_build
from shared.documents.catalogues import CatalogueCache
from shared.documents.models import Document
from shared.jobs.claims import Claim
from shared.jobs.queue import WakeUpQueue
from shared.jobs.rules import Lane
from shared.storage.store import Storage
from tests.deliveries.delivery_files import full, run_import
from tests.flushes import Flushes

SCHOOL = "000028"


def test_objects_are_flushed_before_their_rows_are_committed(
    engine: Engine,
    sessions: Sessions,
    settings: Settings,
    storage: Storage,
    queue: WakeUpQueue,
    flushes: Flushes,
    tmp_path: Path,
) -> None:
    with UnitOfWork(sessions) as unit:
        run_import(unit.session, full().write(tmp_path / "first"))
        job = start_build(unit, queue, "2024", SCHOOL, "tests")
    flushed: list[set[str]] = []
    event.listen(engine, "commit", lambda _: flushed.append(set(flushes.paths)))
    arguments = {"administrationId": "2024"}
    claim = Claim(uuid4(), job.id, job.kind, Lane.BULK, SCHOOL, arguments, 1, 1)
    with UnitOfWork(sessions) as unit:
        build_school(unit, claim, storage, CatalogueCache(), Renderers())
    before_the_rows, root = flushed[-1], unquote(urlsplit(settings.storage_url).path)
    with UnitOfWork(sessions) as unit:
        rows = unit.session.scalars(select(Document.storage_keys)).all()
    objects = {f"{root}/{key}" for keys in rows for key in keys}
    assert len(objects) > 3
    directory = f"{root}/documents/2024/{SCHOOL}"
    assert objects | {directory, f"{root}/documents/2024", f"{root}/documents", root} <= (
        before_the_rows
    )
    assert not flushed[0] & objects
