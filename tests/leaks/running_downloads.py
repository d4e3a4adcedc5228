"""Downloads that run while their release is recalled."""

from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic

from sqlalchemy import text

from shared.core.unit_of_work import UnitOfWork
from tests.api.token_holders import NoDownloadError, SlowDownload
from tests.leaks import steps
from tests.leaks.deployment import FIRST
from tests.leaks.search import LeakError
from tests.leaks.world import World

LIMIT_SECONDS = 2.0
SIZE = 20_000_000
"""Large enough that a slow reader has received a small part when the release is recalled."""


def recall_during_download(world: World) -> None:
    """Recall everything while the school downloads a bundle, if it can.

    After a correction a bundle may be being rebuilt, which the response may say.

    Raises:
        LeakError: when the download goes on for two seconds.
    """
    requester = world.requesters["first"]
    world.refresh()
    known = world.knowledge.documents(requester, FIRST)
    bundles = sorted(one for one in known if _is_bundle(world, one))
    if not bundles:
        steps.recall(world, None)
        return
    path = f"/v1/documents/{bundles[0]}/content"
    with _enlarged(world, bundles[0]):
        credentials = world.sender.credentials(requester, "GET", path)
        try:
            download = SlowDownload(world.deployment.url, path, credentials)
        except NoDownloadError as error:
            if b"documentBeingRebuilt" not in error.response:
                raise
            steps.recall(world, None)
            return
        with download:
            steps.recall(world, None)
            _require_end(download)


def _is_bundle(world: World, document: str) -> bool:
    return world.knowledge.facts.documents[document].kind == "ficheBundle"


def _require_end(download: SlowDownload) -> None:
    recalled_at = monotonic()
    while monotonic() - recalled_at < LIMIT_SECONDS:
        try:
            if not download.read():
                break
        except ConnectionResetError:
            return
    raise LeakError("a running download goes on after the recall of its document")


@contextmanager
def _enlarged(world: World, document: str) -> Iterator[None]:
    """Repeat the segments of a document, until the block ends; the release does not see it."""
    columns = "storage_keys", "byte_offsets", "byte_sizes"
    query = text(f"select {', '.join(columns)} from documents where id = :id")
    with UnitOfWork(world.deployment.owner) as unit:
        row = unit.session.execute(query, {"id": document}).one()
    times = SIZE // sum(row.byte_sizes) + 1
    _store(world, document, {name: list(getattr(row, name)) * times for name in columns})
    try:
        yield
    finally:
        _store(world, document, {name: list(getattr(row, name)) for name in columns})


def _store(world: World, document: str, values: dict[str, list[object]]) -> None:
    changes = ", ".join(f"{name} = :{name}" for name in values)
    with UnitOfWork(world.deployment.owner) as unit:
        unit.session.execute(text("set local session_replication_role = replica"))
        statement = text(f"update documents set {changes} where id = :id")
        unit.session.execute(statement, values | {"id": document})
