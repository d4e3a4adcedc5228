"""Holds what a build left behind against its rows, byte for byte, and rows against results."""

from collections import Counter
from dataclasses import dataclass, field
from hashlib import sha256
from itertools import groupby

from sqlalchemy import text
from sqlalchemy.orm import Session

from services.cli.target import sessions_of
from shared.core.settings import Settings
from shared.core.unit_of_work import UnitOfWork
from shared.documents.kinds import DocumentKind
from shared.documents.models import Document
from shared.storage.store import Storage, open_storage

# Who has a level in a component that is shown has a fiche, each of their class groups and schools a
# bundle, and each class group a print file; a school with any outcome of such a component has an
# overview.
_EXPECTED = text("""
    select count(distinct student.id) filter (where result.status = 'reported'),
           count(distinct student.class_group_id) filter (where result.status = 'reported'),
           count(distinct student.school_id) filter (where result.status = 'reported'),
           count(distinct student.school_id)
    from results result
    join components component on component.id = result.component_id
    join students student on student.id = result.student_id
    where result.superseded_at is null and student.removed_at is null
      and not component.is_calibration
""")


@dataclass(slots=True)
class Verified:
    """How many documents of each kind are sound, and the bytes of the objects they are in."""

    documents: Counter[str] = field(default_factory=Counter)
    object_bytes: int = 0


def verify(settings: Settings) -> Verified:
    """Reads back every byte that a row points at.

    Raises:
        SystemExit: when a document is not what its row says, or one is missing or too many.
    """
    storage = open_storage(settings.storage_url)
    with sessions_of(settings) as sessions, UnitOfWork(sessions) as unit:
        verified = _read_back(unit.session, storage)
        fiches, classes, schools, overviews = unit.session.execute(_EXPECTED).one()
    expected = {
        DocumentKind.FICHE: fiches,
        DocumentKind.FICHE_BUNDLE: classes + schools,
        DocumentKind.FICHE_PRINT: classes,
        DocumentKind.OVERVIEW: overviews,
    }
    if verified.documents != expected:
        raise SystemExit(f"there are {dict(verified.documents)} documents, expected {expected}")
    return verified


def _read_back(session: Session, storage: Storage) -> Verified:
    verified = Verified()
    rows = session.query(Document).order_by(Document.school_id)
    for _, documents in groupby(rows.yield_per(1_000), lambda document: document.school_id):
        objects: dict[str, memoryview] = {}
        for document in documents:
            hasher = sha256()
            for segment in document.segments:
                if segment.key not in objects:
                    objects[segment.key] = memoryview(storage.read(segment.key))
                hasher.update(objects[segment.key][segment.offset :][: segment.size])
            if hasher.digest() != document.sha256:
                raise SystemExit(f"document {document.id} is not what its row says")
            verified.documents[document.kind] += 1
        verified.object_bytes += sum(map(len, objects.values()))
    return verified
