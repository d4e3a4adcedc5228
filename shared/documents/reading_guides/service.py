"""Use cases of reading guides: store and publish them, list and find them.

Nobody's data: no reach and no gate decides about them, and no read is recorded in the audit log.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from shared.core.errors import ResourceNotFound
from shared.core.paging import ListOrder, Page, PageSelection, page_of_scalars
from shared.documents.objects import PREFIX
from shared.documents.reading_guides.models import ReadingGuide
from shared.storage.store import Storage

_PREFIX = f"{PREFIX}/readingGuides"
_BY_LANGUAGE = ListOrder(ReadingGuide.language)


@dataclass(frozen=True, slots=True, kw_only=True)
class BuiltGuide:
    """A guide to publish; `sha256` is of its own bytes, a range of the stored object."""

    language: str
    name: str
    file_name: str
    storage_key: str
    byte_offset: int
    byte_size: int
    sha256: bytes
    template_version: str


def guides_key(digest: str) -> str:
    """Return the key of an object with this SHA-256: every worker writes the same one."""
    return f"{_PREFIX}/{digest}.zip"


def store_guides(storage: Storage, key: str, content: bytes) -> None:
    """Store an object of all guides; nothing happens if it is in the store as a whole."""
    if guide_sizes(storage).get(key) != len(content):
        storage.put(key, content)


def guide_sizes(storage: Storage) -> dict[str, int]:
    """Return the sizes in bytes of the stored objects of guides, by key."""
    return storage.sizes(_PREFIX)


def publish_guides(session: Session, guides: Sequence[BuiltGuide]) -> int:
    """Make these the guides of their languages; return the number of rows that changed.

    No program removes a row: a migration does, together with the texts of a language.
    """
    found = {row.language: row for row in session.scalars(select(ReadingGuide))}
    changed = [guide for guide in guides if _differs(found.get(guide.language), guide)]
    if changed:
        adding = insert(ReadingGuide).values([asdict(guide) for guide in changed])
        excluded = {name: adding.excluded[name] for name in asdict(changed[0])}
        values = excluded | {"built_at": func.now()}
        session.execute(adding.on_conflict_do_update(index_elements=["language"], set_=values))
    return len(changed)


def _differs(row: ReadingGuide | None, guide: BuiltGuide) -> bool:
    return row is None or any(getattr(row, name) != value for name, value in asdict(guide).items())


def list_guides(session: Session, selection: PageSelection) -> Page[ReadingGuide]:
    """Return a page of the guides, by language."""
    return page_of_scalars(session, select(ReadingGuide), _BY_LANGUAGE, selection)


def read_guide(session: Session, language: str) -> ReadingGuide:
    """Return the guide of a language.

    Raises:
        ResourceNotFound: when there is none.
    """
    guide = session.get(ReadingGuide, language)
    if guide is None:
        raise ResourceNotFound
    return guide
